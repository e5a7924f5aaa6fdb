"""The report shows how many answers the reader (`voting.reader`) found in unparsable paths."""

import polars as pl

from lmsi_kedro.report.render import render
from lmsi_kedro.report.words import votes
from tests.recorded import metrics_of_few, recorded

NONE = pl.DataFrame({"question_id": []})


def test_report_counts_answers_found_by_the_reader() -> None:
    metrics = metrics_of_few()
    for said in ("the reader (voting.reader)", "with the reader"):
        assert said not in render(metrics, NONE, recorded())
    metrics["rounds"][0]["votes"]["reader"] = {"filled": 1200, "kept": 7}
    page = render(metrics, NONE, recorded())
    assert "found 1,200 answers that no rule could parse, of which 7 are on kept paths.</p>" in page
    assert "of the sampled paths were parsed (1,200 of them with the reader)" in votes(metrics)
