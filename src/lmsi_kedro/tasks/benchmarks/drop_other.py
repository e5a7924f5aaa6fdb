"""DROP, questions on all passages that are not about football: history and census. In domain, kind span.

Hub and ours: as in drop_football. Unlabeled: the other half of the paper's 5,000. Three exemplars.
"""

from lmsi_kedro.tasks.benchmark import Benchmark, Row
from lmsi_kedro.tasks.benchmarks.drop_football import read
from lmsi_kedro.tasks.task import Task


def convert(row: Row) -> Row | None:
    return None if row["section_id"].startswith("nfl_") else read(row)


BENCHMARK = Benchmark(
    task=Task(kind="span", exemplar_set="drop_other"),
    path="ucinlp/drop",
    splits={"train": "unlabeled", "validation": "held_out"},
    convert=convert,
    limit=2_500,
)
