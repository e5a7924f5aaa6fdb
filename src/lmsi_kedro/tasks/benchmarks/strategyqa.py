"""StrategyQA, questions whose steps are implicit (Geva et al. 2021). Out of domain, kind yes_no.

Hub ChilleD/StrategyQA:
    {"qid": "8f", "term": "Frost", "description": "...", "question": "Can frost ...?", "answer": true,
     "facts": "..."}
Ours:
    {"question": "Can frost ...?", "answer": "yes"}

Held out: train and test together, 2,290, since neither is used for training here. Six exemplars.
"""

from lmsi_kedro.tasks.benchmark import Benchmark, Row
from lmsi_kedro.tasks.task import Task


def convert(row: Row) -> Row:
    return {"question": row["question"], "answer": "yes" if row["answer"] else "no"}


BENCHMARK = Benchmark(
    task=Task(kind="yes_no", exemplar_set="strategyqa"),
    path="ChilleD/StrategyQA",
    splits={"train": "held_out", "test": "held_out"},
    convert=convert,
)
