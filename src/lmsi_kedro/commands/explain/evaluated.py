"""The answers of a run's models to a held-out question, and the accepted answers."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from lmsi_kedro.report.words import MODE_NAMES

Row = dict[str, Any]


@dataclass(frozen=True)
class Evaluated:
    """The predictions of one model in each mode, and the paths from which they were made."""

    model: str
    predictions: list[Row]
    paths: pl.DataFrame

    def lines(self) -> Iterator[str]:
        yield f"answers of {self.model}"
        for prediction in self.predictions:
            mode = prediction["mode"]
            paths = self.paths.filter(mode=mode).sort("path")
            right = "right" if prediction["correct"] else "wrong"
            yield f"  {MODE_NAMES[mode]}: {prediction['key'] or 'no answer'}, {right}{votes(paths)}"
            for text in paths["text"]:
                yield from (f"      {line}" for line in text.strip().splitlines())


def votes(paths: pl.DataFrame) -> str:
    """Returns how often each answer was given, if there are several paths."""
    if paths.height < 2:
        return ""
    counted = Counter(key or "unparsable" for key in paths["key"]).most_common()
    return f": {', '.join(f'{times} x {key}' for key, times in counted)}"


def look_up_evaluation(question_id: str, catalog: Any) -> list[Evaluated]:
    """Returns the answers of the models before round 1 and after every round, or none if none was evaluated."""
    found, round_number = [], 0
    while catalog.exists(f"predictions_{round_number}"):
        predictions = catalog.load(f"predictions_{round_number}").filter(question_id=question_id)
        if predictions.height:
            rows = {row["mode"]: row for row in predictions.iter_rows(named=True)}
            paths = catalog.load(f"evaluation_readings_{round_number}").filter(
                question_id=question_id
            )
            name = f"model_{round_number}" if round_number else "the model before round 1"
            found.append(
                Evaluated(name, [rows[mode] for mode in MODE_NAMES if mode in rows], paths)
            )
        round_number += 1
    return found


def accepted_answers(question_id: str, catalog: Any) -> list[str]:
    """Returns the labels of a held-out or probe question; the result is empty without labels."""
    if not catalog.exists("labels"):
        return []
    return list(catalog.load("labels").filter(question_id=question_id)["answers"].explode())
