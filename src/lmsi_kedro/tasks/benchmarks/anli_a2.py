"""ANLI round 2, adversarial inference (Nie et al. 2020). In domain, kind nli.

Hub facebook/anli, plain_text:
    {"uid": "1f", "premise": "Ann sings.", "hypothesis": "Ann is loud.", "label": 1, "reason": "..."}; 0
     entailment, 1 neutral, 2 contradiction
Ours:
    {"context": "Premise: Ann sings.", "question": "Based on this premise, can we conclude that the
     hypothesis \"Ann is loud.\" is true? ...", "answer": "it is not possible to tell"}

Unlabeled: 5,000 of train_r2, as in the paper. Held out: test_r2. Six exemplars, shared by all of ANLI and MNLI.
"""

from lmsi_kedro.tasks.benchmark import Benchmark, three_way
from lmsi_kedro.tasks.task import Task

BENCHMARK = Benchmark(
    task=Task(kind="nli", exemplar_set="anli"),
    path="facebook/anli",
    config="plain_text",
    splits={"train_r2": "unlabeled", "test_r2": "held_out"},
    convert=three_way,
    limit=5_000,
)
