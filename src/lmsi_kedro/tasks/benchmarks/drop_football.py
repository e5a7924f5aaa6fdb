"""DROP, questions on passages of football games (Dua et al. 2019). In domain, kind span.

Hub ucinlp/drop:
    {"section_id": "nfl_2201", "query_id": "f16c", "passage": "The Lions scored ...", "question": "Who
     scored first?", "answers_spans": {"spans": ["Ann Lee", "Lee"], "types": ["span", "span"]}}
Ours:
    {"context": "The Lions scored ...", "question": "Who scored first?", "answer": ["Ann Lee", "Lee"]}

Unlabeled: 5,000 of train. Held out: validation. Both are divided by section: nfl_* here, the rest in drop_other.
Answers are numbers, dates, names or lists. The paper has separate exemplars for football and for other passages,
three each. Every span is an accepted answer, because the hub does not distinguish lists from alternatives.
"""

from lmsi_kedro.tasks.benchmark import Benchmark, Row
from lmsi_kedro.tasks.task import Task


def read(row: Row) -> Row | None:
    """Returns the row, or None if it has no answer."""
    spans = list(dict.fromkeys(span for span in row["answers_spans"]["spans"] if span.strip()))
    if not spans:
        return None
    return {"context": row["passage"], "question": row["question"], "answer": spans}


def convert(row: Row) -> Row | None:
    return read(row) if row["section_id"].startswith("nfl_") else None


BENCHMARK = Benchmark(
    task=Task(kind="span", exemplar_set="drop_football"),
    path="ucinlp/drop",
    splits={"train": "unlabeled", "validation": "held_out"},
    convert=convert,
    limit=2_500,
)
