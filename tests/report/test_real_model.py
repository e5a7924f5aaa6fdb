"""The experiment on a real model, next to the findings on the reproduction page."""

import json
import re
from pathlib import Path

import pytest

from lmsi_kedro.report.real_model import on_real_model
from lmsi_kedro.report.render import render_reproduction
from tests.reproduced import models, reproduction

STORED = json.loads(Path("docs/results/real.json").read_text())["experiment"]["contrasts"]


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("CoT greedy gains 15 points on average", "vote over warm start"),
        ("the vote beats random paths", "vote over random"),
    ],
)
def test_figures_are_those_of_the_experiment(sentence: str, name: str) -> None:
    found = on_real_model()[sentence]
    for figure in ("value", "low", "high", "n"):
        assert found[figure] == pytest.approx(STORED[name][figure])


def test_page_shows_real_model_next_to_findings() -> None:
    page = render_reproduction(reproduction(models()))
    rows = [row.partition("</tr>")[0].split("<td>")[1:] for row in page.split("<tr>")]
    there = {re.split(" <small>|</td>", row[0])[0]: row[-1] for row in rows if row}
    assert "+0.8, \N{MINUS SIGN}0.9 to +2.5" in there["the vote beats random paths"]
    assert "undecided" in there["the vote beats random paths"]
    assert there["generated questions gain"] == "</td>"


def test_every_finding_has_a_row_on_the_page() -> None:
    rows = {found["finding"] for found in reproduction(models())["findings"]}
    assert on_real_model().keys() - rows == {"CoT greedy gains in word_problems"}
