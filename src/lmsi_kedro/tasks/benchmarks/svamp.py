"""SVAMP, word problems with distracting numbers (Patel et al. 2021). Out of domain, kind number.

Hub ChilleD/SVAMP:
    {"ID": "chal-1", "Body": "Ann has 3 pens and 2 books.", "Question": "How many pens has she?",
     "Equation": "3.0", "Answer": "3", "Type": "Subtraction"}
Ours:
    {"question": "Ann has 3 pens and 2 books. How many pens has she?", "answer": "3"}

Held out: train and test together, all 1,000, as in the paper. The exemplars are those of GSM8K.
"""

from lmsi_kedro.tasks.benchmark import Benchmark, Row
from lmsi_kedro.tasks.task import Task


def convert(row: Row) -> Row:
    body = row["Body"].strip()
    stop = "" if body.endswith((".", "!", "?", ",")) else "."
    return {"question": f"{body}{stop} {row['Question'].strip()}", "answer": str(row["Answer"])}


BENCHMARK = Benchmark(
    task=Task(kind="number", exemplar_set="gsm8k"),
    path="ChilleD/SVAMP",
    splits={"train": "held_out", "test": "held_out"},
    convert=convert,
)
