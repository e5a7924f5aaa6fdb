"""MNLI, inference over many genres, mismatched (Williams et al. 2018). Out of domain, kind nli.

Hub nyu-mll/glue, mnli:
    {"premise": "Ann sings.", "hypothesis": "Ann is loud.", "label": 1, "idx": 0}; labels as in ANLI, or -1
     for no label
Ours:
    as in anli_a1

Held out: validation_mismatched, whose labels are public. Six exemplars, shared with ANLI.
"""

from lmsi_kedro.tasks.benchmark import Benchmark, three_way
from lmsi_kedro.tasks.task import Task

BENCHMARK = Benchmark(
    task=Task(kind="nli", exemplar_set="anli"),
    path="nyu-mll/glue",
    config="mnli",
    splits={"validation_mismatched": "held_out"},
    convert=three_way,
)
