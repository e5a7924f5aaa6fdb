"""OpenBookQA, elementary science with four choices (Mihaylov et al. 2018). In domain, kind choice.

Hub allenai/openbookqa, main:
    {"id": "7-980", "question_stem": "The sun warms", "choices": {"text": ["a stone", "a song"], "label":
     ["A", "B"]}, "answerKey": "A"}
Ours:
    {"question": "The sun warms", "choices": ["a stone", "a song"], "answer": "(A)"}

Unlabeled: train, 4,957. Held out: test, 500. Four exemplars.
"""

from lmsi_kedro.tasks.benchmark import Benchmark, Row, multiple_choice
from lmsi_kedro.tasks.task import Task


def convert(row: Row) -> Row:
    return multiple_choice(row["question_stem"], row["choices"], row["answerKey"])


BENCHMARK = Benchmark(
    task=Task(kind="choice", exemplar_set="openbookqa"),
    path="allenai/openbookqa",
    config="main",
    splits={"train": "unlabeled", "test": "held_out"},
    convert=convert,
)
