"""AQuA, algebra with five choices (Ling et al. 2017). Out of domain, kind choice.

Hub deepmind/aqua_rat, raw:
    {"question": "A car ...", "options": ["A)21", "B)21.5", ...], "rationale": "If ...", "correct": "B"}
Ours:
    {"question": "A car ...", "choices": ["21", "21.5", ...], "answer": "(B)"}

Held out: test, 254. Four exemplars.
"""

from lmsi_kedro.tasks.benchmark import Benchmark, Row
from lmsi_kedro.tasks.task import Task


def convert(row: Row) -> Row:
    choices = [option.partition(")")[2].strip() for option in row["options"]]
    return {"question": row["question"], "choices": choices, "answer": f"({row['correct']})"}


BENCHMARK = Benchmark(
    task=Task(kind="choice", exemplar_set="aqua"),
    path="deepmind/aqua_rat",
    config="raw",
    splits={"test": "held_out"},
    convert=convert,
)
