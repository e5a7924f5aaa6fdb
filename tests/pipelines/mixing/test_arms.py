"""Each control arm differs from the vote in one respect; if it cannot be made, an error says why."""

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.params import VotingParams
from lmsi_kedro.pipelines.mixing.arms import (
    keep_formats,
    repeat_labeled,
    select_gold_paths,
    select_shuffled_paths,
)
from tests.fabricate import TASKS
from tests.pipelines.mixing.rendered import KEYS, MIXING, TEXTS, render

VOTING = VotingParams(
    rule="trigger", ties="abstain", min_confidence=0, max_confidence=1, max_paths_per_question=2, seed=1,
)  # fmt: skip


def voted(counts: dict[str, int]) -> pl.DataFrame:
    """The given number of kept paths of each question; a1 is a question of mini_arc, g1 of mini_gsm."""
    rows = [
        (q, p, "s", "vote", f"num:{q}", q, f"{q} {p}.") for q, n in counts.items() for p in range(n)
    ]
    return pl.DataFrame(rows, schema=schemas.SELECTED, orient="row")


def questions(names: list[str]) -> pl.DataFrame:
    tasks = {"a": "mini_arc", "g": "mini_gsm"}
    rows = [(name, tasks[name[0]], "unlabeled", name, None, None) for name in names]
    return pl.DataFrame(rows, schema=schemas.QUESTIONS, orient="row")


def test_shuffled_swaps_paths_between_questions_of_a_task() -> None:
    counts = {"a1": 1, "a2": 2, "g1": 3, "g2": 1, "g3": 2}
    made = [
        select_shuffled_paths(
            voted(counts), questions(list(counts)), MIXING.model_copy(update={"seed": s})
        )
        for s in range(8)
    ]
    for table in made:
        schemas.selected(table)
        given = dict(table.select("question_id", "surface").unique().iter_rows())
        assert set(given) == set(given.values()) == set(counts)
        assert all(q != giver and q[0] == giver[0] for q, giver in given.items())
        assert sorted(table["text"]) == sorted(voted(counts)["text"])
        for question, giver in given.items():
            assert table.filter(question_id=question).height == counts[giver]
    assert len({tuple(table["surface"]) for table in made}) > 1
    alone = select_shuffled_paths(
        voted({"a1": 1, "g1": 1, "g2": 1}), questions(["a1", "g1", "g2"]), MIXING
    )
    assert set(alone["question_id"]) == {"g1", "g2"}
    with pytest.raises(ValueError, match="arm shuffled: no task has two questions"):
        select_shuffled_paths(voted({"a1": 1, "g1": 1}), questions(["a1", "g1"]), MIXING)


def test_gold_arm_takes_correct_paths_ignoring_votes() -> None:
    """The label is 5, the vote 4; texts are distinct and capped as for the vote."""
    readings = pl.DataFrame(
        {"question_id": "g1", "path": range(6), "key": KEYS, "surface": [k and k[4:] for k in KEYS],
         "content": [1, 2, 1, 3, 4, 5]},
        schema_overrides={"path": pl.Int32, "content": pl.UInt64},
    )  # fmt: skip
    paths = pl.DataFrame(
        [("g1", i, "s", text, 5, -1.0, "stop") for i, text in enumerate(TEXTS)],
        schema=schemas.PATHS, orient="row",
    )  # fmt: skip
    asked = questions(["g1"])

    def gold(answers: list[str]) -> list[int]:
        labels = pl.DataFrame([("g1", answers)], schema=schemas.LABELS, orient="row")
        made = select_gold_paths(readings, [paths], labels, asked, TASKS, VOTING)
        assert set(schemas.selected(made)["arm"]) == {"gold"}
        return made["path"].to_list()

    assert gold(["5"]) == [4]
    assert len(gold(["4.0"])) == 2
    assert 2 not in gold(["4"])  # a copy of path 0
    with pytest.raises(ValueError, match="arm gold: no path was kept"):
        gold(["17"])
    with pytest.raises(ValueError, match=r"leave gold out of controls\.arms"):
        select_gold_paths(readings, [paths], schemas.empty(schemas.LABELS), asked, TASKS, VOTING)


def test_format_arms_keep_some_formats_of_voted_examples() -> None:
    examples = render()
    kept = schemas.examples(keep_formats(examples, "few_shot_cot_only", ("few_shot_cot",)))
    assert kept.drop("arm").equals(examples.filter(format="few_shot_cot").drop("arm"))
    assert set(kept["arm"]) == {"few_shot_cot_only"}
    with pytest.raises(ValueError, match="arm few_shot_cot_only: the vote has no example"):
        keep_formats(
            examples.filter(format="zero_shot_cot"), "few_shot_cot_only", ("few_shot_cot",)
        )


def test_labeled_arm_repeats_the_warm_start_examples() -> None:
    warm = render().with_columns(arm=pl.lit("warm_start"))
    again = schemas.examples(repeat_labeled(warm))
    assert set(again["arm"]) == {"labeled"}
    assert again.drop("arm").equals(warm.drop("arm"))
