"""Tests parsing and canonical forms: tables of answers, equal implementations, and properties of equality."""

import csv
import importlib.util
import random
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmsi_kedro.kernels import canonical_keys, read_answers
from lmsi_kedro.kernels.answers import DECIMALS, KINDS, RULES, reference_backend
from lmsi_kedro.kernels.answers.math import math_key

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("answers_completions", HERE / "completions.py")
assert _spec is not None
assert _spec.loader is not None
completions = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(completions)

native = pytest.importorskip("lmsi_kedro.kernels.answers.native")
BACKENDS = pytest.mark.parametrize(
    "backend", [native, reference_backend], ids=["native", "reference"]
)
CHOICES = pl.List(pl.String)


def key_of(text: str, kind: str = "number", **options: Any) -> str | None:
    key: str | None = read_answers([text], kind, **options)["key"][0]
    return key


@BACKENDS
def test_answers_in_the_table_are_parsed(backend: Any) -> None:
    with (HERE / "answers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wrong = []
    for row in rows:
        options = [row["choices"].split("|")] if row["choices"] else [None]
        choices = pl.Series(options, dtype=CHOICES) if row["kind"] == "choice" else None
        text = row["text"].replace("\\n", "\n") if row["kind"] != "math" else row["text"]
        arguments = (pl.Series([text]), row["kind"], choices, row["rule"], None, 1, "point")
        found = backend.read_answers(*arguments)["key"][0]
        if (found or "") != row["key"]:
            wrong.append((row["kind"], text, row["key"], found))
    assert not wrong
    assert len(rows) > 250


@BACKENDS
def test_an_option_beyond_z_has_no_letter(backend: Any) -> None:
    words = ["alder", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak"]
    options = [f"{word} {colour}" for colour in ("red", "green", "blue") for word in words]
    choices = pl.Series([options] * 2, dtype=CHOICES)
    texts = pl.Series([f"The answer is {option}." for option in options[25:]])
    assert len(options) == 27
    found = backend.read_answers(texts, "choice", choices, "trigger", None, 1, "point")["key"]
    assert found.to_list() == ["choice:Z", None]


@BACKENDS
def test_answers_in_the_table_have_their_keys(backend: Any) -> None:
    with (HERE / "keys.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wrong = []
    for row in rows:
        options = [row["choices"].split("|")] if row["choices"] else [None]
        choices = pl.Series(options, dtype=CHOICES) if row["kind"] == "choice" else None
        answer = pl.Series([row["answer"]])
        found = backend.canonical_keys(answer, row["kind"], choices, 1, row["decimal"])[0]
        if (found or "") != row["key"]:
            wrong.append((*row.values(), found))
    assert not wrong
    assert len(rows) > 90


DECIMAL_COMMAS = {
    "3,5 kg": "num:7/2",
    "1.234,56": "num:30864/25",
    "1.234.567": "num:1234567",
    "1.234": "num:1234",
    "3,500": "num:7/2",
    "1,5 million": "num:1500000",
    "3.14": "num:157/50",
    "0.125": None,
    "1,2,3": None,
}


@pytest.mark.parametrize(("said", "key"), DECIMAL_COMMAS.items())
def test_decimal_comma_is_parsed_if_configured(said: str, key: str | None) -> None:
    frame = read_answers([f"The answer is {said}."], "number", decimal="comma")
    assert frame["key"][0] == key
    assert frame["surface"][0] is None or said.startswith(frame["surface"][0])
    assert canonical_keys([said], "number", decimal="comma")[0] == key


def test_decimal_comma_does_not_affect_dates() -> None:
    assert canonical_keys(["2.10.2022"], "date", decimal="comma")[0] == "date:2022-10-02"


@pytest.mark.parametrize("kind", KINDS)
def test_native_equals_reference(kind: str) -> None:
    rng = random.Random(KINDS.index(kind))
    texts = pl.Series([completions.completion(rng) for _ in range(200)])
    choices = (
        pl.Series([rng.choice(completions.OPTIONS) for _ in texts], dtype=CHOICES)
        if kind == "choice"
        else None
    )
    finish = pl.Series([rng.choice(["stop", "length"]) for _ in texts])
    for rule, decimal in product(RULES, DECIMALS):
        arguments = (texts, kind, choices, rule, finish, 1, decimal)
        assert native.read_answers(*arguments).equals(reference_backend.read_answers(*arguments))
    for decimal in DECIMALS:
        answers = (texts, kind, choices, 1, decimal)
        assert native.canonical_keys(*answers).equals(reference_backend.canonical_keys(*answers))


@settings(max_examples=60)
@given(st.binary(max_size=200), st.sampled_from(KINDS))
def test_implementations_agree_on_any_bytes(noise: bytes, kind: str) -> None:
    texts = pl.Series(
        [b"The answer is " + noise, noise + b" #### 4" + noise, noise], dtype=pl.Binary
    )
    arguments = (texts, kind, None, "trigger_or_last", None, 1, "point")
    assert native.read_answers(*arguments).equals(reference_backend.read_answers(*arguments))


@given(st.text(max_size=60))
def test_start_and_end_locate_the_surface(noise: str) -> None:
    text = f"{noise} The answer is 42 {noise}"
    row = read_answers([text], "number").row(0, named=True)
    if row["key"] is not None:
        assert text[row["start"] : row["end"]] == row["surface"]


def spellings(value: Fraction, rng: random.Random) -> str:
    """One of the ways to write a positive number exactly."""
    below = value.denominator
    ways = [
        f"{value.numerator}/{below}",
        f"\\frac{{{value.numerator}}}{{{below}}}",
        f"{value.numerator} / {below}",
    ]
    if below == 1:
        ways += [
            f"{value.numerator:,}",
            f"${value.numerator}.00",
            f"{value.numerator}e0",
            f"{value.numerator * 10}e-1",
        ]
    elif value > 1:
        ways += [f"{value.numerator // below} {value.numerator % below}/{below}"]
    if 10**6 % below == 0:
        digits = f"{value.numerator * (10**6 // below):07d}"
        plain = f"{int(digits[:-6]):,}.{digits[-6:]}"
        ways += [plain, plain.rstrip("0"), f"{digits}e-6", f"{digits} x 10^{{-6}}"]
    return rng.choice(ways)


def check_spellings(count: int) -> None:
    rng = random.Random(count)
    belows = (1, 2, 3, 4, 7, 8, 10, 100, 625, 10**6)
    values = [
        Fraction(rng.randrange(1, 10 ** rng.randrange(1, 9)), rng.choice(belows))
        for _ in range(count)
    ]
    signs = [rng.choice((1, -1)) for _ in values]
    texts = [("-" if s < 0 else "") + spellings(v, rng) for v, s in zip(values, signs, strict=True)]
    keys = canonical_keys(texts, "number").to_list()
    wrong = [
        x for x in zip(texts, keys, values, signs, strict=True) if x[1] != f"num:{x[2] * x[3]}"
    ]
    assert not wrong[:5]


def test_numbers_are_exact() -> None:
    check_spellings(20_000)


@pytest.mark.slow
def test_a_million_numbers_are_exact() -> None:
    check_spellings(1_000_000)


PAIRS = (
    "0.10|.1|1/10|10e-2", "1,234.50|$1234.5|2469/2", "1e3|1000|1,000|one thousand", "1 1/2|3/2|1.5|1\xbd",
    "10%|10", "-80|\u221280|minus 80",
)  # fmt: skip


def test_equal_numbers_share_a_key() -> None:
    keys = [set(canonical_keys(pair.split("|"), "number").to_list()) for pair in PAIRS]
    assert [len(group) for group in keys] == [1] * len(PAIRS)
    assert len(set().union(*keys)) == len(PAIRS)


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from("ABCD"), min_size=2, max_size=2),
    st.sampled_from(KINDS),
    st.integers(0, 2**32),
)
def test_key_does_not_depend_on_other_rows(letters: list[str], kind: str, seed: int) -> None:
    """If the key of a row never depends on other rows, equality of keys is symmetric and transitive."""
    rng = random.Random(seed)
    texts = [completions.completion(rng) for _ in range(4)]
    alone = [canonical_keys([text], kind)[0] for text in texts]
    assert canonical_keys(texts[::-1], kind, threads=2).to_list() == alone[::-1]
    assert canonical_keys(letters, "choice").to_list() == [f"choice:{letter}" for letter in letters]


@settings(max_examples=40)
@given(
    st.sampled_from(["number", "math", "nli", "yes_no", "choice", "date"]), st.integers(0, 2**32)
)
def test_keys_are_stable_when_parsed_again(kind: str, seed: int) -> None:
    text = completions.completion(random.Random(seed))
    key = key_of(text, kind, rule="trigger_or_last")
    prefix, _, said = (key or "").partition(":")
    if key and prefix in ("num", "choice", "bool", "nli", "date") and not said.startswith("--"):
        assert canonical_keys([said], kind)[0] == key


def test_reading_rules_are_recorded() -> None:
    rules = {
        "The answer is 4.": "answer is",
        "Answer: 4": "answer:",
        "## Answer\n4": "heading",
        "#### 4": "####",
        "\\boxed{4}": "boxed",
        "\\boxed{4} or \\boxed{4}": "boxed",
        "<answer>4</answer>": "<answer>",
        "4 is the answer.": "is the answer",
        "so 4": "last",
        None: None,
    }
    frame = read_answers(list(rules), "number", rule="trigger_or_last")
    assert frame["rule"].to_list() == list(rules.values())
    assert frame.columns == ["key", "surface", "start", "end", "rule"]


def test_unannounced_answer_needs_the_fallback_rule() -> None:
    assert key_of("3 + 4 = 7") is None
    assert key_of("3 + 4 = 7", rule="trigger_or_last") == "num:7"


CUT = {
    "The answer is 4": False,
    "The answer is 4.": False,
    "The answer is 4 apples": True,
    "The answer is 4. So": True,
    "The answer is 4. The answer is": False,
    "\\boxed{4}": True,
    "\\boxed{4}.": True,
    "\\boxed{4": False,
    "<answer>4": False,
    "<answer>4</answer>": True,
}


@pytest.mark.parametrize(("text", "readable"), CUT.items())
def test_truncated_text_needs_a_complete_answer(text: str, readable: bool) -> None:
    assert (key_of(text, finish=["length"]) == "num:4") == readable
    assert key_of(text, finish=["stop"]) == "num:4"


def test_sliced_chunked_and_null_arrow_columns_are_read() -> None:
    texts = pl.Series(
        ["The answer is 1.", None, "", "The answer is 3 which is longer than a short string."]
    )
    expected = ["num:1", None, None, "num:3"]
    assert read_answers(texts, "number")["key"].to_list() == expected
    assert read_answers(texts[2:], "number")["key"].to_list() == expected[2:]
    assert read_answers(pl.concat([texts, texts[3:]], rechunk=False), "number")[
        "key"
    ].to_list() == [*expected, "num:3"]
    assert read_answers([], "number").height == 0
    assert canonical_keys(pl.Series([None, None]), "number").to_list() == [None, None]


def test_results_do_not_depend_on_threads() -> None:
    texts = [f"The answer is {i}." for i in range(1001)]
    assert read_answers(texts, "number", threads=3).equals(read_answers(texts, "number"))


def test_unknown_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="number, choice, yes_no, nli, span, date, text, math"):
        read_answers(["4"], "integer")
    with pytest.raises(ValueError, match="trigger, trigger_or_last"):
        read_answers(["4"], "number", rule="first")
    with pytest.raises(ValueError, match="point or comma"):
        canonical_keys(["4"], "number", decimal="dot")
    with pytest.raises(ValueError, match="finish has 2 rows"):
        read_answers(["4"], "number", finish=["stop", "stop"])
    with pytest.raises(TypeError, match="row 1"):
        canonical_keys(["4", 5], "number")


MATH_SAME = (
    "\\frac{1}{2}|0.5|\\dfrac12|1/2|50\\% \\cdot 0.01",
    "2\\sqrt{3}|\\sqrt{12}|\\frac{6}{\\sqrt{3}}",
    "x^2+3x+2|(x+1)(x+2)",
    "[0,1)\\cup(2,3)|(2,3) \\cup [0,1)",
    "1,2|2, 1|\\{1,2\\}|x=1 \\text{ or } x=2",
    "x+y=5|2x+2y=10|5=x+y",
    "1<x<2|2>x>1",
    "(0,5)|\\left( 0, 5 \\right)",
    "\\begin{pmatrix}1\\\\2\\end{pmatrix}|\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}",
    "\\frac{1}{1+\\sqrt{2}}|\\sqrt2-1",
    "3 \\pm \\sqrt{2}|3-\\sqrt2, 3+\\sqrt2",
    "\\sqrt{-4}|2i",
    "90^\\circ|90|$90$",
    "even|\\text{Even}",
)


def test_equal_mathematical_answers_share_a_key() -> None:
    keys = [{math_key(surface) for surface in group.split("|")} for group in MATH_SAME]
    assert [len(group) for group in keys] == [1] * len(MATH_SAME)
    assert len(set().union(*keys)) == len(MATH_SAME)


@settings(max_examples=100)
@given(st.text(alphabet="12x+-*/^()[]{}\\,=<_ .fracsqt!&\u00bd\u00b2", max_size=40))
def test_any_mathematical_text_is_accepted(surface: str) -> None:
    key = math_key(surface)
    assert key is None or key.startswith(("num:", "math:", "list:"))
    assert math_key(f" $ {surface} $ ") == key or "*" in surface or "\\" in surface
