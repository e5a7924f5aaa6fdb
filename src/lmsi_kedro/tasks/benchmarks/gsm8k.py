"""GSM8K, grade-school word problems (Cobbe et al. 2021). In domain, kind number.

Hub openai/gsm8k, main:
    {"question": "Ann has 3 pens ... how many?", "answer": "She ... 3+4=<<3+4=7>>7.\\n#### 7"}
Ours:
    {"question": "Ann has 3 pens ... how many?", "answer": "7"}

Unlabeled: train, all 7,473, as in the paper. Held out: test, 1,319. Eight exemplars.
"""

from lmsi_kedro.tasks.benchmark import Benchmark, Row
from lmsi_kedro.tasks.task import Task


def convert(row: Row) -> Row:
    return {"question": row["question"], "answer": row["answer"].rpartition("####")[2].strip()}


BENCHMARK = Benchmark(
    task=Task(kind="number", exemplar_set="gsm8k"),
    path="openai/gsm8k",
    config="main",
    splits={"train": "unlabeled", "test": "held_out"},
    convert=convert,
)
