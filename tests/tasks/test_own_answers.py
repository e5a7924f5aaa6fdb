"""User-defined answer kinds: the parser of lengths in docs/new_task.md, and parsers that are rejected."""

import re
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.evaluation.marking import accepted_keys
from lmsi_kedro.params import VotingParams
from lmsi_kedro.pipelines.preparation.labels import read_labels
from lmsi_kedro.pipelines.preparation.nodes import choose_tasks
from lmsi_kedro.reading import read_answers
from lmsi_kedro.tasks import Task, Tasks, answers
from lmsi_kedro.votes import count_within

PAGE = (Path(__file__).parents[2] / "docs/new_task.md").read_text()
VOTING = VotingParams(rule="trigger", ties="abstain", min_confidence=0, max_confidence=1,
                      max_paths_per_question=None, seed=1)  # fmt: skip
KIND = "lengths.in_metres"
Reader = Callable[[list[str]], Sequence[Any]]


@pytest.fixture
def lengths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tasks:
    code = re.search(r"```python\n(\"\"\"Lengths.*?)```", PAGE, re.S)
    assert code
    assert len(code[1].splitlines()) <= 20
    (tmp_path / "lengths.py").write_text(code[1])
    monkeypatch.syspath_prepend(tmp_path)
    answers.reader.cache_clear()
    return Tasks({"trips": Task.model_validate({"kind": KIND})})


def raw(*labels: str) -> pl.DataFrame:
    rows = [("trips", "held_out", f"How far is {i}?", None, None, [label], f"line {i}")
            for i, label in enumerate(labels, start=1)]  # fmt: skip
    names = ["task", "split", "question", "context", "choices", "answer", "source"]
    return pl.DataFrame(rows, schema=names, orient="row", schema_overrides=schemas.RAW_QUESTIONS)


def test_equal_lengths_vote_together_and_are_correct(lengths: Tasks) -> None:
    said = ["It is far. The answer is 5 km.", "5 * 1000 = 5000. The answer is 5,000 m.",
            "The answer is 500 cm.", "The answer is 5.", "I do not know."]  # fmt: skip
    questions = pl.DataFrame(
        [("q1", "trips", "unlabeled", "How far?", None, None)],
        schema=schemas.QUESTIONS,
        orient="row",
    )
    rows = [("q1", path, "none", text, 9, -1.0, "stop") for path, text in enumerate(said)]
    names = ["question_id", "path", "exemplar_set", "text", "tokens", "logprob", "finish"]
    paths = pl.DataFrame(rows, schema=names, orient="row").cast(
        {"path": pl.Int32, "tokens": pl.Int32}
    )
    read = read_answers([paths], questions, lengths, VOTING)
    assert read["key"].to_list() == ["own:5000 m", "own:5000 m", "own:5 m", None, None]
    assert read["surface"].to_list() == ["5 km", "5,000 m", "500 cm", None, None]
    assert [said[0][s:e] for s, e in read.select("start", "end").head(1).rows()] == ["5 km"]
    (vote,) = count_within(read, VOTING, 0, 1).rows(named=True)
    assert (vote["key"], vote["votes"], vote["readable"], vote["paths"]) == ("own:5000 m", 2, 3, 5)
    labels = pl.DataFrame([("q1", ["5.0 km"])], schema=schemas.LABELS, orient="row")
    assert accepted_keys(labels, questions, lengths)["accepted"].to_list() == [["own:5000 m"]]


def test_labels_are_parsed_or_refused(lengths: Tasks) -> None:
    read = read_labels(raw("5 km", "It is 2 + 3 = 5. #### 5,000 m"), lengths)
    assert read["answer"].to_list() == [["5 km"], ["5,000 m"]]
    with pytest.raises(
        ValueError, match=r"line 2: the label '5' is not an answer to lengths\.in_m"
    ):
        read_labels(raw("5 km", "5"), lengths)


def test_reader_of_the_page_passes_its_checks(lengths: Tasks) -> None:
    assert choose_tasks(raw("5 km", "1/2 m"), {}, lengths).root["trips"].kind == KIND


@pytest.mark.parametrize(
    ("reader", "said"),
    [(lambda given: [str(1 / float(text)) for text in given], "raises ValueError .*, for ''"),
     (lambda given: [text for text in given if text], r"returns \d+ forms for \d+ answers"),
     (lambda given: [len(text) for text in given], "returns 0, which is neither text nor None, for ''"),
     (lambda given: [f"{text} m" for text in given], "gives ' m', but ' m m' for this form: both must be equal"),
     (lambda given: [text.rstrip() or None for text in given], "gives .0., but .* with spaces around the answer"),
     (lambda given: [given[0] for _ in given], "gives an answer a different form if the call has other")],
)  # fmt: skip
def test_bad_reader_is_named(reader: Reader, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "reader", lambda kind: reader)
    with pytest.raises(ValueError, match=f"^the kind my.reader {said}"):
        answers.check_reader("my.reader", ["5 km"])


def test_answer_that_makes_a_reader_raise_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "reader", lambda kind: lambda given: [str(int(t)) for t in given])
    with pytest.raises(ValueError, match=r"my\.reader raises ValueError .*, for 'seven'"):
        answers.read_answers(["The answer is 7.", "The answer is seven."], "my.reader")


def test_reader_may_be_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("upper", "tests.tasks.test_own_answers:upper", answers.GROUP)
    monkeypatch.setattr(answers, "points", lambda: EntryPoints([point]))
    answers.reader.cache_clear()
    assert str(Task.model_validate({"kind": "upper"}).kind) == "upper"
    assert answers.canonical_keys(["a", None, "B"], "upper").to_list() == ["own:A", None, "own:B"]


def upper(given: list[str]) -> list[str]:
    return [text.strip().upper() for text in given]
