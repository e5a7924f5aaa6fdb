"""ARC-Challenge, science questions with three to five choices (Clark et al. 2018). In domain, kind choice.

Hub allenai/ai2_arc, ARC-Challenge:
    {"id": "M_1", "question": "Which is a gas?", "choices": {"text": ["ice", "steam"], "label": ["1", "2"]},
     "answerKey": "2"}; labels are letters in most rows
Ours:
    {"question": "Which is a gas?", "choices": ["ice", "steam"], "answer": "(B)"}

Unlabeled: train, 1,119. Held out: test, 1,172. Four exemplars.
"""

from lmsi_kedro.tasks.benchmark import Benchmark, Row, multiple_choice
from lmsi_kedro.tasks.task import Task


def convert(row: Row) -> Row:
    return multiple_choice(row["question"], row["choices"], row["answerKey"])


BENCHMARK = Benchmark(
    task=Task(kind="choice", exemplar_set="arc_challenge"),
    path="allenai/ai2_arc",
    config="ARC-Challenge",
    splits={"train": "unlabeled", "test": "held_out"},
    convert=convert,
)
