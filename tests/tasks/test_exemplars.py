"""There are as many exemplars as in the paper; they are correct, parsable, and in no evaluation set."""

import gzip
import json
import re
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
import yaml

from lmsi_kedro import kernels
from lmsi_kedro.tasks import Exemplar, target
from lmsi_kedro.tasks.benchmarks import BENCHMARKS

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
PAPER = {
    "gsm8k": 8, "drop_football": 3, "drop_other": 3, "arc_challenge": 4, "openbookqa": 4, "anli": 6,
    "aqua": 4, "strategyqa": 6, "rte": 4,
}  # fmt: skip
KINDS = {benchmark.task.exemplar_set: benchmark.task.kind for benchmark in BENCHMARKS.values()}
CALCULATION = re.compile(r"(\d[\d.,]*) ([-+*/]) (\d[\d.,]*) = (\d[\d,]*(?:\.\d+)?)")
WORKED = {
    "+": Fraction.__add__,
    "-": Fraction.__sub__,
    "*": Fraction.__mul__,
    "/": Fraction.__truediv__,
}


def exemplars(name: str) -> list[Exemplar]:
    entries = yaml.safe_load((ROOT / "conf/base/exemplars" / f"{name}.yml").read_text())
    return [Exemplar.model_validate(entry) for entry in entries]


def test_benchmarks_have_as_many_exemplars_as_the_paper() -> None:
    assert set(KINDS) == set(PAPER)
    assert {name: len(exemplars(name)) for name in PAPER} == PAPER


@pytest.mark.parametrize("name", list(PAPER))
def test_rationales_end_in_their_parsed_answer(name: str) -> None:
    for shot in exemplars(name):
        choices = [list(shot.choices or ())] if KINDS[name] == "choice" else None
        written = target(shot.answer, shot.rationale)
        read = kernels.read_answers([written], KINDS[name], choices=choices)["key"][0]
        assert read is not None
        assert read == kernels.canonical_keys([shot.answer], KINDS[name], choices)[0], shot.question


@pytest.mark.parametrize("name", list(PAPER))
def test_calculations_are_correct(name: str) -> None:
    found = [match for shot in exemplars(name) for match in CALCULATION.findall(shot.rationale)]
    for left, sign, right, result in found:
        a, b, c = (
            Fraction(number.replace(",", "").rstrip(".")) for number in (left, right, result)
        )
        assert WORKED[sign](a, b) == c, (left, sign, right, result)
    assert len(found) >= {"gsm8k": 14, "aqua": 7}.get(name, 0)


@pytest.mark.parametrize("name", list(PAPER))
def test_choices_are_named_by_their_letter(name: str) -> None:
    for shot in exemplars(name):
        if KINDS[name] == "choice":
            assert shot.choices
            assert re.fullmatch(r"\([A-E]\)", shot.answer)
            assert ord(shot.answer[1]) - ord("A") < len(shot.choices)


@pytest.mark.skipif(not SHARED.exists(), reason="the real questions are not here")
def test_no_exemplar_is_an_evaluation_question() -> None:
    def plain(text: str) -> str:
        return " ".join(re.findall(r"\w+", text.lower()))

    asked = set()
    for file in SHARED.glob("*/*.jsonl.gz"):
        with gzip.open(file, "rt") as lines:
            asked |= {plain(json.loads(line)["question"]) for line in lines}
    assert len(asked) > 15_000
    ours = {plain(shot.question) for name in PAPER for shot in exemplars(name)}
    assert not ours & asked
    assert pl.Series(sorted(ours)).is_unique().all()
