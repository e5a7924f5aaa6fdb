"""A pair for preference training has one path with the winning answer and one with the least-voted answer."""

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.pipelines.mixing.nodes import render_examples, select_voted_paths
from lmsi_kedro.pipelines.mixing.pairs import oppose_examples, select_paired_paths
from tests.fabricate import TASKS
from tests.pipelines.mixing.rendered import MIXING, TEXTS, tables


def voted(answers: pl.DataFrame) -> pl.DataFrame:
    """The votes of these answers; the key of the kept paths is the winner."""
    rows: list[tuple[object, ...]] = []
    for (question,), own in answers.partition_by("question_id", as_dict=True).items():
        key = own.filter("kept")["key"].unique().item()
        count, paths = own.filter(key=key).height, own.height
        rows.append(
            (question, key, count, paths, paths, count / paths, 0.1, 0.0, [], True, "winner")
        )
    return pl.DataFrame(rows, schema=schemas.VOTES, orient="row")


def paired(keys: str, seed: int = 1) -> pl.DataFrame:
    """The pairs of one question whose paths have these answers, ? for none; the most frequent one wins."""
    winner = max(keys, key=keys.count)
    answers = pl.DataFrame(
        [("q", n, None if k == "?" else k, k, 0, 1, "trigger", k == winner, "r") for n, k in enumerate(keys)],
        schema=schemas.ANSWERS, orient="row",
    )  # fmt: skip
    paths = pl.DataFrame(
        [("q", n, "s", f"text {n}", 5, -1.0, "stop") for n in range(len(keys))],
        schema=schemas.PATHS, orient="row",
    )  # fmt: skip
    mixing = MIXING.model_copy(update={"seed": seed})
    return schemas.pairs(
        select_paired_paths(answers, voted(answers), [paths], mixing, round_number=3)[1]
    )


def test_kept_paths_are_paired_with_least_voted_answer() -> None:
    pairs = paired("aaaabbc?")
    assert pairs.select("path", "rejected", "text").rows() == [(n, 6, "text 6") for n in range(4)]
    assert set(pairs["margin"]) == {(4 - 1) / 8}
    assert set(pairs["round"]) == {3}


def test_rejected_paths_take_turns_in_random_order() -> None:
    drawn = paired("aaaaabb")["rejected"].to_list()
    assert sorted(drawn) in ([5, 5, 5, 6, 6], [5, 5, 6, 6, 6])
    assert drawn == paired("aaaaabb")["rejected"].to_list()
    assert len({tuple(paired("aaaaabb", seed)["rejected"]) for seed in range(9)}) == 2
    assert set(paired("aaabc")["rejected"]) == {3, 4}


def test_selected_paths_are_those_of_the_vote() -> None:
    answers, paths, _, _ = tables()
    selected, pairs = select_paired_paths(answers, voted(answers), [paths], MIXING, round_number=1)
    assert schemas.selected(selected).equals(select_voted_paths(answers, [paths]))
    assert pairs.select("question_id", "path").equals(selected.select("question_id", "path"))
    assert set(pairs["text"]) == {TEXTS[4]}


def test_questions_with_one_answer_are_left_out() -> None:
    answers, paths, _, _ = tables()
    sure = pl.col("question_id") == "q0"
    agreed = answers.with_columns(
        key=pl.when(sure & (pl.col("path") == 4)).then(pl.lit("num:4")).otherwise("key")
    )
    selected, pairs = select_paired_paths(agreed, voted(agreed), [paths], MIXING, round_number=1)  # fmt: skip
    assert set(selected["question_id"]) == set(pairs["question_id"]) == {"q1"}
    with pytest.raises(ValueError, match=r"no kept question has two different answers.*paths\.m"):
        paired("aaa?")


def test_a_pair_has_both_paths_in_one_format() -> None:
    answers, paths, questions, exemplars = tables()
    selected, pairs = select_paired_paths(answers, voted(answers), [paths], MIXING, round_number=1)
    mixture = render_examples(selected, questions, exemplars, TASKS, MIXING)
    halved = mixture.with_columns(weight=0.5 * pl.col("weight"))
    made = schemas.preferences(oppose_examples(halved, questions, TASKS, pairs.clear(), pairs))
    assert made.drop("rejected", "weight").sort("example_id").equals(
        mixture.drop("weight").sort("example_id")
    )  # fmt: skip
    assert set(made["weight"]) == {0.5 * (4 - 1) / 6}
    said = dict(made.select("format", "rejected").unique(maintain_order=True).iter_rows())
    assert said["few_shot_cot"] == said["zero_shot_cot"] == f" {TEXTS[4]}"
    direct = made.filter(format="few_shot_direct")
    told = dict(direct.select("question_id", "rejected").iter_rows())
    assert told == {"q0": " The answer is 5.", "q1": " The answer is (A)."}
    assert (direct["rejected"] != direct["target"]).all()
