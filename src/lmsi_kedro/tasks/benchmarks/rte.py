"""RTE, two-way inference (Dagan et al. 2006, in GLUE). Out of domain, kind yes_no.

Hub nyu-mll/glue, rte:
    {"sentence1": "Ann sings.", "sentence2": "Ann is loud.", "label": 1, "idx": 0}; 0 is entailment, 1 no
     entailment, -1 no label
Ours:
    {"context": "Premise: Ann sings.", "question": "Based on this premise, can we conclude that the
     hypothesis \"Ann is loud.\" is true? Answer yes or no.", "answer": "no"}

Held out: validation, 277, whose labels are public. Four exemplars.
"""

from lmsi_kedro.tasks.benchmark import Benchmark, Row, conclusion
from lmsi_kedro.tasks.task import Task


def convert(row: Row) -> Row | None:
    if row["label"] not in (0, 1):
        return None
    parts = conclusion(row["sentence1"], row["sentence2"], "yes or no")
    return {**parts, "answer": "no" if row["label"] else "yes"}


BENCHMARK = Benchmark(
    task=Task(kind="yes_no", exemplar_set="rte"),
    path="nyu-mll/glue",
    config="rte",
    splits={"validation": "held_out"},
    convert=convert,
)
