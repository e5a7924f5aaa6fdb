"""What is taught: the right paths, in the right formats, and the control arm beside it."""

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.params import MixingParams
from lmsi_kedro.pipelines.mixing.nodes import (
    accumulate,
    render_examples,
    select_random,
    select_voted,
)
from tests.fabricate import TASKS

FORMATS = ["few_shot_cot", "few_shot_direct", "zero_shot_cot", "zero_shot_direct"]
MIXING = MixingParams(formats=FORMATS, direct_per_question=1, seed=1)
TEXTS = ["2 + 2 = 4. The answer is 4.", "Four: 4. The answer is 4.", "2 + 2 = 4. The answer is 4.",
         "1 + 3 = 4. The answer is 4.", "2 + 2 = 5. The answer is 5.", "hm"]  # fmt: skip
KEYS = ["num:4", "num:4", "num:4", "num:4", "num:5", None]


def tables() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """answers, paths, questions, exemplars; question q0 of mini_gsm, q1 of mini_arc."""
    answers, paths = [], []
    for question in ("q0", "q1"):
        for path, (text, key) in enumerate(zip(TEXTS, KEYS, strict=True)):
            surface = key and key[4:]
            shown = key and (key if question == "q0" else f"choice:{'AB'[surface == '4']}")
            kept = key == "num:4" and path < 2
            answers.append((question, path, shown, surface, 1, 2, "trigger", kept, "r"))
            paths.append((question, path, "s", text, 5, -1.0, "stop"))
    questions = [("q0", "mini_gsm", "unlabeled", "2 + 2?", None, None),
                 ("q1", "mini_arc", "unlabeled", "Which?", None, ["x", "y"])]  # fmt: skip
    exemplars = [("mini_gsm", "1 + 1?", None, [], "1 + 1 = 2.", "2"),
                 ("mini_arc", "What?", None, ["u", "v"], "Look.", "(A)")]  # fmt: skip
    return (
        pl.DataFrame(answers, schema=schemas.ANSWERS, orient="row"),
        pl.DataFrame(paths, schema=schemas.PATHS, orient="row"),
        pl.DataFrame(questions, schema=schemas.QUESTIONS, orient="row"),
        pl.DataFrame(exemplars, schema=schemas.EXEMPLARS, orient="row"),
    )


def render(mixing: MixingParams = MIXING) -> pl.DataFrame:
    answers, paths, questions, exemplars = tables()
    selected = select_voted(answers, [paths])
    nothing = schemas.empty(schemas.EXAMPLES)
    return render_examples(selected, nothing, questions, exemplars, TASKS, mixing)


def test_voted_paths_have_their_texts() -> None:
    answers, paths, *_ = tables()
    selected = schemas.selected(select_voted(answers, [paths[:5], paths[5:]]))
    assert selected.select("question_id", "path").rows() == [
        ("q0", 0),
        ("q0", 1),
        ("q1", 0),
        ("q1", 1),
    ]
    assert selected["text"].to_list() == TEXTS[:2] * 2
    assert set(selected["key"]) == {"num:4", "choice:B"}


def test_the_random_arm_has_the_same_counts_and_ignores_votes() -> None:
    answers, paths, *_ = tables()
    readings = answers.with_columns(content=pl.Series(["a", "b", "a", "c", "d", "e"] * 2))
    voted = select_voted(answers, [paths])
    drawn = [
        select_random(readings, [paths], voted, MIXING.model_copy(update={"seed": seed}))
        for seed in range(20)
    ]
    for table in drawn:
        schemas.selected(table)
        assert table.group_by("question_id").len().sort("question_id")["len"].to_list() == [2, 2]
        assert table["key"].null_count() == 0
        assert 2 not in set(table["path"])  # a copy of path 0
    assert "num:5" in set(pl.concat(drawn)["key"])


def test_the_four_formats() -> None:
    """Chain of thought for every path, direct answers once, choices by their letter."""
    examples = schemas.examples(render())
    counts = dict(examples.filter(question_id="q0").group_by("format").len().iter_rows())
    assert counts == {
        "few_shot_cot": 2,
        "zero_shot_cot": 2,
        "few_shot_direct": 1,
        "zero_shot_direct": 1,
    }
    rows = {row["format"]: row for row in examples.filter(question_id="q0").iter_rows(named=True)}
    shots = "Q: 1 + 1?\nA: 1 + 1 = 2. The answer is 2.\n\n"
    assert rows["few_shot_cot"]["prompt"] == shots + "Q: 2 + 2?\nA:"
    assert rows["few_shot_direct"]["prompt"] == "Q: 1 + 1?\nA: The answer is 2.\n\nQ: 2 + 2?\nA:"
    assert rows["zero_shot_cot"]["prompt"] == "Q: 2 + 2?\nA: Let's think step by step."
    assert rows["zero_shot_direct"]["prompt"] == "Q: 2 + 2?\nA:"
    assert rows["few_shot_direct"]["target"] == " The answer is 4."
    assert rows["zero_shot_cot"]["target"] in {f" {text}" for text in TEXTS[:4]}
    choice = examples.filter(question_id="q1", format="zero_shot_direct").row(0, named=True)
    assert choice["prompt"] == "Q: Which?\nAnswer Choices: (A) x (B) y\nA:"
    assert choice["target"] == " The answer is (B)."


def test_the_paper_keeps_direct_copies() -> None:
    examples = render(MIXING.model_copy(update={"direct_per_question": 2}))
    assert examples.filter(question_id="q0", format="zero_shot_direct").height == 2


def test_rounds_accumulate_and_the_newest_vote_wins() -> None:
    answers, paths, questions, exemplars = tables()
    first = render()
    again = select_voted(answers.filter(question_id="q1"), [paths])
    second = render_examples(again, first, questions, exemplars, TASKS, MIXING)
    both = schemas.examples(accumulate(first, second))
    assert set(second["round"]) == {2}
    assert set(both.filter(question_id="q0")["round"]) == {1}
    assert set(both.filter(question_id="q1")["round"]) == {2}


def test_nothing_kept_is_an_error() -> None:
    answers, paths, *_ = tables()
    with pytest.raises(ValueError, match="arm vote: no path was kept"):
        select_voted(answers.with_columns(kept=pl.lit(False)), [paths])
