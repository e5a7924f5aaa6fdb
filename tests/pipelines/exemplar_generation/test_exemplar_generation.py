"""The model's own answers become exemplars with rationale and answer; sets are random but reproducible."""

from pathlib import Path

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.params import (
    EngineParams,
    ExemplarGenerationParams,
    PathParams,
    Sampling,
    VotingParams,
)
from lmsi_kedro.pipelines.exemplar_generation.nodes import (
    compose_sets,
    plan_worked_seeds,
    read_worked_seeds,
)
from lmsi_kedro.tasks import Task, Tasks
from lmsi_kedro.tasks.questions import exemplar_sets

BASE = Path(__file__).parents[3] / "data" / "06_models" / "base"
VOTING = VotingParams(
    rule="trigger", ties="abstain", min_confidence=0.0, max_confidence=1.0, max_paths_per_question=4, seed=1
)  # fmt: skip
ENGINE = EngineParams(
    executor="processes", ray_address=None, workers=1, dtype="float32", paths_per_chunk=8, rows=8, chat="auto",
    trust_remote_code=False, skip_too_long=False,
)  # fmt: skip
PARAMS = ExemplarGenerationParams(sets=3, exemplars_per_set=2, seed=1)
TASKS = Tasks({"sums": Task(kind="number"), "arc": Task(kind="choice")})
TEXTS = {
    "s0": "2 + 3.5 = 5.5. So 5.5 are left. The answer is 5.5.",
    "s1": "First 2 + 2 = 4.\nThe answer is $4.",
    "s2": "Count 1, 2, 3. So the answer is 3 caps.",
    "s3": "The answer is 7.",
    "s4": "Hm, hm.",
    "a0": "A cork is light. The answer is (A) a cork.",
    "a1": "It looks like a stone. The answer is (B).",
}
SEEDS = pl.DataFrame(
    [(q, "sums", "unlabeled", f"{q}?", None, None) for q in ("s0", "s1", "s2", "s3", "s4")]
    + [(q, "arc", "unlabeled", f"{q}?", "On water.", ["a cork", "a stone"]) for q in ("a0", "a1")],
    schema=schemas.QUESTIONS,
    orient="row",
)  # fmt: skip


def worked(texts: dict[str, str] = TEXTS) -> pl.DataFrame:
    rows = [(q, 0, "none", text, 9, -1.0, "stop") for q, text in texts.items()]
    paths = pl.DataFrame(rows, schema=schemas.PATHS, orient="row")
    return schemas.worked_seeds(read_worked_seeds([paths], SEEDS, TASKS, VOTING))


def test_seeds_are_answered_once_greedily_and_zero_shot() -> None:
    sampling = Sampling(temperature=0.7, max_new_tokens=4, seed=3)
    paths = PathParams(m=4, sampling=sampling, questions_per_task=3)
    plan = plan_worked_seeds(SEEDS, Model(BASE, "digest"), paths, ENGINE, TASKS)
    requests = [r for chunk in plan.chunks.values() for r in chunk.requests]
    assert {chunk.sampling.temperature for chunk in plan.chunks.values()} == {0.0}
    assert {(r.question_id, r.paths) for r in requests} == {(q, range(1)) for q in TEXTS}
    assert requests[0].prompt == "Q: s0?\nA: Let's think step by step."


def test_a_seed_beyond_the_context_is_named() -> None:
    paths = PathParams(
        m=4, sampling=Sampling(temperature=0.7, max_new_tokens=4, seed=3), questions_per_task=3
    )
    long = pl.when(question_id="s1").then(pl.lit("pens and caps " * 800)).otherwise("question")
    seeds = SEEDS.with_columns(question=long)
    with pytest.raises(
        ValueError, match=r"1 prompt does not fit .* 1024 tokens .*: s1 \(\d+ tokens"
    ):
        plan_worked_seeds(seeds, Model(BASE, "digest"), paths, ENGINE, TASKS)


def test_rationale_and_answer_are_parsed_separately() -> None:
    read = {row["question_id"]: row for row in worked().iter_rows(named=True)}
    told = {q: (row["rationale"], row["answer"], row["reason"]) for q, row in read.items()}
    assert told == {
        "s0": ("2 + 3.5 = 5.5. So 5.5 are left.", "5.5", "kept"),
        "s1": ("First 2 + 2 = 4.", "$4", "kept"),
        "s2": ("Count 1, 2, 3.", "3", "kept"),
        "s3": (None, "7", "no rationale"),
        "s4": (None, None, "unreadable"),
        "a0": ("A cork is light.", "(A)", "kept"),
        "a1": ("It looks like a stone.", "(B)", "kept"),
    }


def test_exemplar_sets_are_drawn_from_kept_answers() -> None:
    table = schemas.exemplars(compose_sets(worked(), SEEDS, PARAMS))
    assert table.equals(compose_sets(worked(), SEEDS, PARAMS))
    sums = exemplar_sets(table, Task(kind="number", exemplar_set="sums"))
    assert list(sums) == ["sums/1", "sums/2", "sums/3"]
    asked = [[shot.question for shot in shots] for shots in sums.values()]
    assert all(len(set(each)) == 2 and set(each) <= {"s0?", "s1?", "s2?"} for each in asked)
    assert len({tuple(each) for each in asked}) > 1
    more = compose_sets(worked(), SEEDS, PARAMS.model_copy(update={"sets": 9}))
    assert more.filter(pl.col("exemplar_set").str.contains("/[1-3]")).equals(table)
    shot = table.filter(question="a0?").row(0, named=True)
    assert (shot["context"], shot["choices"], shot["answer"]) == (
        "On water.",
        ["a cork", "a stone"],
        "(A)",
    )


def test_too_few_parsable_answers_suggest_a_change() -> None:
    texts = {**TEXTS, "s0": "hm", "s1": "hm"}
    with pytest.raises(
        ValueError,
        match=r"1 of 5 seeds of task sums have .* a set needs 2; raise",
    ):
        compose_sets(worked(texts), SEEDS, PARAMS)
