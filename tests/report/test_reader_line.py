"""The page counts the answers that a reader has found."""

import polars as pl

from lmsi_kedro.report.render import render
from tests.recorded import metrics_of_few, recorded

NONE = pl.DataFrame({"question_id": []})


def test_page_counts_answers_of_the_reader() -> None:
    metrics = metrics_of_few()
    assert "voting.reader)" not in render(metrics, NONE, recorded())
    metrics["rounds"][0]["votes"]["reader"] = {"filled": 1200, "kept": 7}
    page = render(metrics, NONE, recorded())
    said = "found the answer of 1,200 paths that no rule could parse; 7 of them are kept."
    assert f"<p>Round 1: the reader (voting.reader) {said}</p>" in page
