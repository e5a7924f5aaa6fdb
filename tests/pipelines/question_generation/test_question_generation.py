"""Every generated question has a row whose reason is the first test that it fails."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from lmsi_kedro import schemas
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.params import (
    EngineParams,
    PathParams,
    QuestionGenerationParams,
    Sampling,
    VotingParams,
)
from lmsi_kedro.pipelines.question_generation.funnel import OPEN, REASONS, draft_candidates
from lmsi_kedro.pipelines.question_generation.nodes import (
    admit,
    choose_seeds,
    count_votes,
    open_candidates,
    plan_answers,
    plan_continuations,
    take_admitted,
)
from lmsi_kedro.tasks import Question, Task, Tasks
from lmsi_kedro.tasks.prompts import render_question

BASE = Path(__file__).parents[3] / "data" / "06_models" / "base"
GENERATION = QuestionGenerationParams(
    seeds=2, seeds_per_prompt=2, candidates=10,
    sampling=Sampling(temperature=1.0, max_new_tokens=64, seed=3), near_duplicate=0.7, m=4,
    policy="confident", confidence={"confident": (0.7, 1.0), "band": (0.3, 0.8)}, seed=1,
)  # fmt: skip
VOTING = VotingParams(
    rule="trigger", ties="abstain", min_confidence=0.0, max_confidence=1.0, max_paths_per_question=4, seed=1
)  # fmt: skip
ENGINE = EngineParams(
    executor="processes", ray_address=None, workers=1, dtype="float32", paths_per_chunk=8, rows=8, chat="auto",
    trust_remote_code=False, skip_too_long=False,
)  # fmt: skip
TASKS = Tasks({"sums": Task(kind="number"), "far": Task(kind="number", in_domain=False)})
STORY = "On a rainy Monday in May old Ann packs {} red boxes of {} pens and goes home. How many pens has she?"
SEEDS = [STORY.format(3, 4), "How many are 2 and 3 and 4 and 5 and 6?"]
HELD_OUT = (
    "In the long hot summer of the year Ben grew 5 rows of 6 beans beside the road. How many beans?"
)
NEW = "How many legs have nine dogs and two birds in the yard?"
WRITTEN = {
    f" {NEW}": OPEN,
    " How many": "no question",
    " How many legs have": "cut off",
    " The yard.\nHow many legs?": "stray lines",
    " how many  are 2 and 3 and 4 and 5 and 6 ?": "duplicate",
    f" {NEW.upper()}": "duplicate",
    f" {NEW[:-1]} now?": "near duplicate",
    f" {SEEDS[0][:-1]} now?": "near duplicate",
    f" {HELD_OUT.lower()}": "contaminated",
    f" {HELD_OUT[:-12]} How many altogether, with those of his two neighbours Eva and Dan?": "contaminated",
    " Five boys share 20 apples and one of them eats his. How many are left?": OPEN,
}  # fmt: skip


def asked(*rows: tuple[str, str]) -> pl.DataFrame:
    full = [
        (f"{split}{i}", "sums", split, text, None, None) for i, (split, text) in enumerate(rows)
    ]
    return pl.DataFrame(full, schema=schemas.QUESTIONS, orient="row")


QUESTIONS = asked(
    *[("unlabeled", seed) for seed in SEEDS], ("held_out", HELD_OUT), ("probe", "How old is Ben?")
)


def continuations() -> list[pl.DataFrame]:
    rows = [
        ("sums 000000", path, text, 9, -1.0, "length" if reason == "cut off" else "stop", "sums")
        for path, (text, reason) in enumerate(WRITTEN.items())
    ]
    table = pl.DataFrame(rows, schema=schemas.CONTINUATIONS, orient="row")
    return [schemas.continuations(table[6:]), schemas.continuations(table[:6])]


def drafted(generation: QuestionGenerationParams = GENERATION) -> pl.DataFrame:
    seeds = QUESTIONS.filter(split="unlabeled")
    return schemas.drafts(draft_candidates(continuations(), seeds, QUESTIONS, generation))


def votes(*rows: tuple[str, str | None, float, str]) -> pl.DataFrame:
    """A table of votes; each row is (question_id, key, confidence, reason)."""
    full: list[tuple[Any, ...]] = [
        (q, key, 1, 4, 4, share, share, 0.0, [], why == "winner", why)
        for q, key, share, why in rows
    ]
    return schemas.votes(pl.DataFrame(full, schema=schemas.VOTES, orient="row"))


def test_candidates_have_the_first_reason_for_rejection() -> None:
    drafts = drafted()
    assert drafts["reason"].to_list() == list(WRITTEN.values())
    assert drafts.filter(reason="cut off")["question"].to_list() == [None]
    new = drafts.row(0, named=True)
    assert (new["question"], new["context"], new["choices"]) == (NEW, None, None)
    assert open_candidates(drafts)["question"].to_list()[0] == NEW
    schemas.questions(open_candidates(drafts))


def test_threshold_decides_what_is_a_near_duplicate() -> None:
    strict = drafted(GENERATION.model_copy(update={"near_duplicate": 0.99}))
    assert strict["reason"].to_list().count("near duplicate") == 0


def test_template_words_are_not_contamination() -> None:
    """If they were, every question would be rejected, since they are the same in all questions of the task."""
    template = (
        "{} Is it so that he has {}? Answer with yes or with no and with nothing else please?"
    )
    seeds = asked(
        *[("unlabeled", template.format(*own)) for own in (("Ann sang.", "2 hats"), ("", "9 dogs"))]
    )
    held_out = asked(
        (
            "held_out",
            template.format(
                "Ben bought 5 red caps on Monday in the rain, and lost 3 at home.", "7 pens"
            ),
        )
    )
    texts = {
        template.format("Dan went home early and found", "7 pens"): OPEN,
        template.format(
            "So Ben bought 5 red caps on Monday in the rain, and lost 3 at home. He", "7 pens"
        ): "contaminated",
    }
    rows = [("sums 000000", i, f" {text}", 9, -1.0, "stop", "sums") for i, text in enumerate(texts)]
    written = pl.DataFrame(rows, schema=schemas.CONTINUATIONS, orient="row")
    drafts = draft_candidates([written], seeds, pl.concat([seeds, held_out]), GENERATION)
    assert drafts["reason"].to_list() == list(texts.values())


def test_choices_and_contexts_are_part_of_a_candidate() -> None:
    seeds = [Question("Who sang?", "Ann sang, Ben did not.", ["Ann", "Ben"]),
             Question("Who left?", "Dan left, Eva did not.", ["Dan", "Eva"])]  # fmt: skip
    rows = [
        (f"u{i}", "sums", "unlabeled", s.question, s.context, s.choices)
        for i, s in enumerate(seeds)
    ]
    table = pl.DataFrame(rows, schema=schemas.QUESTIONS, orient="row")
    new = Question("Who won the race?", "Finn won the race against Gia.", ["Finn", "Gia"])
    whole = render_question(new).removeprefix("Q:").removesuffix("\nA:")
    texts = [whole, whole.split("\nAnswer")[0], f" {whole.split(chr(10), 1)[1]}"]
    written = pl.DataFrame(
        [("sums 000000", path, text, 9, -1.0, "stop", "sums") for path, text in enumerate(texts)],
        schema=schemas.CONTINUATIONS, orient="row",
    )  # fmt: skip
    drafts = draft_candidates([written], table, table, GENERATION)
    assert drafts["reason"].to_list() == [OPEN, "no choices", "no context"]
    first = open_candidates(drafts).row(0, named=True)
    assert Question(first["question"], first["context"], first["choices"]) == new


@pytest.mark.parametrize("reason", ["unreadable", "tied", "low confidence", "high confidence"])
def test_candidates_rejected_by_vote_have_a_reason(reason: str) -> None:
    drafts = drafted()
    left = open_candidates(drafts)["question_id"].to_list()
    key = None if reason in ("unreadable", "tied") else "num:5"
    candidates, funnel = admit(
        drafts, votes((left[0], key, 0.5, reason), (left[1], "num:7", 1.0, "winner"))
    )
    schemas.candidates(candidates)
    assert candidates.filter(question_id=left[0], path=0)["reason"].to_list() == [reason]
    assert funnel["sums"] == {
        "all": 11, **dict.fromkeys(REASONS, 0), "cut off": 1, "no question": 1, "stray lines": 1,
        "duplicate": 2, "near duplicate": 2, "contaminated": 2, reason: 1, "admitted": 1,
    }  # fmt: skip
    assert sum(funnel["sums"].values()) == 2 * funnel["sums"]["all"]
    assert take_admitted(candidates)["question_id"].to_list() == [left[1]]


@pytest.mark.parametrize(
    ("policy", "kept"),
    [("confident", ["winner", "low confidence"]), ("band", ["high confidence", "winner"])],
)
def test_policies_limit_the_confidence(policy: Any, kept: list[str]) -> None:
    """The winners have 4 and 2 of 4 paths."""
    keys = ["num:1"] * 4 + ["num:1", "num:1", "num:2", None]
    readings = pl.DataFrame(
        {
            "question_id": ["q0"] * 4 + ["q1"] * 4,
            "path": [0, 1, 2, 3] * 2,
            "key": keys,
            "logprob": [-1.0] * 8,
        }
    )
    counted = count_votes(readings, VOTING, GENERATION.model_copy(update={"policy": policy}))
    assert counted["reason"].to_list() == kept


def test_seeds_are_drawn_from_unlabeled_in_domain_questions() -> None:
    many = asked(*[("unlabeled", f"{i}?") for i in range(9)], ("held_out", "h?"))
    chosen = choose_seeds(many, TASKS, GENERATION)
    assert chosen.height == 2
    assert chosen["split"].to_list() == ["unlabeled"] * 2
    assert chosen.equals(choose_seeds(many.reverse(), TASKS, GENERATION))
    with pytest.raises(
        ValueError,
        match=r"task sums has 2 unlabeled questions, but question_generation\.seeds is 3",
    ):
        choose_seeds(QUESTIONS, TASKS, GENERATION.model_copy(update={"seeds": 3}))
    with pytest.raises(ValidationError, match="seeds_per_prompt is 3, but there are only 2 seeds"):
        QuestionGenerationParams(**{**GENERATION.model_dump(), "seeds_per_prompt": 3})


def test_raising_candidates_keeps_existing_chunks() -> None:
    seeds, model = QUESTIONS.filter(split="unlabeled"), Model(BASE, "digest")
    few, many = (
        plan_continuations(
            seeds, model, TASKS, GENERATION.model_copy(update={"candidates": n}), ENGINE
        )
        for n in (8, 32)
    )
    assert set(few.chunks) < set(many.chunks)
    prompts = [r.prompt for chunk in many.chunks.values() for r in chunk.requests]
    assert len(prompts) == 8
    assert len(set(prompts)) == 2  # two seeds have two orders
    assert all(seed in prompt for prompt in prompts for seed in SEEDS)


def test_seeds_beyond_the_context_are_named() -> None:
    """The context of the embedded model is 1,024 tokens; the error comes before anything is sampled."""
    seeds = asked(("unlabeled", "How many pens has Finn? " * 200), ("unlabeled", SEEDS[1]))
    with pytest.raises(
        ValueError,
        match=r"3 prompts do not fit .* 1024 tokens with 64 .*: sums 000000 \(\d+ tokens\).*seeds_per_prompt",
    ):
        plan_continuations(seeds, Model(BASE, "digest"), TASKS, GENERATION, ENGINE)


def test_candidates_beyond_the_context_are_named() -> None:
    """When a candidate is voted on, its prompt begins with the exemplars."""
    candidates = asked(("unlabeled", NEW), ("unlabeled", "How many pens has Finn? " * 200))
    paths = PathParams(m=4, sampling=GENERATION.sampling, questions_per_task=9)
    rest = schemas.empty(schemas.EXEMPLARS), Model(BASE, "digest"), TASKS, paths, GENERATION, ENGINE
    with pytest.raises(
        ValueError,
        match=r"1 prompt does not fit .*: unlabeled1 \(\d+ tokens\).*sampling\.max_new_tokens",
    ):
        plan_answers(candidates, *rest)
    assert plan_answers(candidates.head(1), *rest).chunks


def test_error_without_candidates_suggests_a_change() -> None:
    drafts = drafted()
    dropped = drafts.filter(pl.col("reason") != OPEN)
    with pytest.raises(
        ValueError,
        match=r"none of 9 candidates is a new question \(.*2 near duplicate.*raise question",
    ):
        open_candidates(dropped)
    left = open_candidates(drafts)["question_id"]
    nothing, _ = admit(drafts, votes(*[(q, None, 0.0, "unreadable") for q in left]))
    with pytest.raises(
        ValueError, match=r"none of 11 candidates was admitted .*2 unreadable.*; widen question"
    ):
        take_admitted(nothing)
