"""Seeds -> continuations -> candidates -> votes -> generated questions (paper, sections 3.3 and 5.2)."""

import logging
from itertools import chain
from random import Random

import polars as pl

from lmsi_kedro import schemas, statistics
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.context import check_room
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, PathParams, QuestionGenerationParams, VotingParams
from lmsi_kedro.pipelines.question_generation.funnel import OPEN, REASONS
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.tasks.continuation import render_seeds
from lmsi_kedro.tasks.questions import exemplar_sets, prompts_of_sets, questions_in, spread
from lmsi_kedro.tasks.turns import SEPARATOR
from lmsi_kedro.votes import count_within

log = logging.getLogger(__name__)
Funnel = dict[str, dict[str, int]]  # task -> reason -> candidates
PER_PROMPT = 4  # continuations of one prompt, which is computed only once for them


def choose_seeds(
    questions: pl.DataFrame, tasks: Tasks, generation: QuestionGenerationParams
) -> pl.DataFrame:
    """Selects some unlabeled questions of every in-domain task; raises ValueError if a task has too few."""
    chosen = []
    for name in tasks.in_domain:
        alone = ~pl.col("context").str.starts_with(SEPARATOR).fill_null(False)
        own = questions.filter(alone, task=name, split="unlabeled").sort("question_id")
        if own.height < generation.seeds:
            raise ValueError(
                f"questions: task {name} has {own.height} unlabeled questions, but question_generation.seeds is "
                f"{generation.seeds}; add questions (without earlier turns), or lower it"
            )
        lot = Random(f"{generation.seed} {name}").sample(range(own.height), generation.seeds)
        chosen.append(own[lot])
    return pl.concat(chosen)


def plan_continuations(
    seed_questions: pl.DataFrame,
    model: Model,
    tasks: Tasks,
    generation: QuestionGenerationParams,
    engine: EngineParams,
) -> Plan:
    """Plans continuations of prompts with randomly ordered seeds; raising `candidates` only adds continuations."""
    by_task = {name: orders(seed_questions, name, generation) for name in tasks.in_domain}
    sampling = generation.sampling.of(model)
    new = sampling.max_new_tokens
    check_room(
        by_task.values(), model.path, new, engine, "Lower question_generation.seeds_per_prompt"
    )
    plan = Plan(model.path, model.digest, engine)
    for name, prompts in by_task.items():
        plan.add(prompts, range(PER_PROMPT), sampling, {"task": name})
    return plan


def orders(
    seed_questions: pl.DataFrame, task: str, generation: QuestionGenerationParams
) -> dict[str, str]:
    """Renders prompts with randomly ordered seeds of a task, enough for all candidates."""
    seeds = questions_in(seed_questions.filter(task=task))
    prompts = {}
    for number in range(-(-generation.candidates // PER_PROMPT)):
        order = Random(f"{generation.seed} {task} {number}")
        sampled = order.sample(seeds, generation.seeds_per_prompt)
        prompts[f"{task} {number:06}"] = render_seeds(sampled)
    return prompts


def open_candidates(drafts: pl.DataFrame) -> pl.DataFrame:
    """Returns the drafts to vote on; raises ValueError if there are none."""
    left = drafts.filter(reason=OPEN)
    if left.is_empty():
        raise ValueError(
            f"question_generation: none of {drafts.height:,} candidates is a new question "
            f"({reasons(drafts)}); raise question_generation.candidates, or sampling.max_new_tokens if most are "
            "cut off, or near_duplicate if most are too similar"
        )
    return left.with_columns(split=pl.lit("unlabeled")).select(*schemas.QUESTIONS)


def plan_answers(
    candidate_questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    model: Model,
    tasks: Tasks,
    path_params: PathParams,
    generation: QuestionGenerationParams,
    engine: EngineParams,
) -> Plan:
    """Plans paths for the vote on every candidate: always m, as in round 1 but without early stopping."""
    sampling = path_params.sampling_in(1, model)
    prompts = (
        prompts_of_sets(candidate_questions.filter(task=name), exemplars, tasks[name])
        for name in tasks.in_domain
    )
    check_room(
        chain.from_iterable(prompts), model.path, sampling.max_new_tokens, engine,
        "Lower question_generation.sampling.max_new_tokens",
    )  # fmt: skip
    plan = Plan(model.path, model.digest, engine)
    for name in tasks.in_domain:
        candidates, sets = (
            candidate_questions.filter(task=name),
            exemplar_sets(exemplars, tasks[name]),
        )
        plan.add_all(spread(candidates, "few_shot_cot", sets, generation.m, tasks[name]), sampling)
    return plan


def count_votes(
    readings: pl.DataFrame, voting: VotingParams, generation: QuestionGenerationParams
) -> pl.DataFrame:
    """Counts the votes, and keeps those with a confidence within question_generation.confidence."""
    return count_within(readings, voting, *generation.bounds)


def admit(drafts: pl.DataFrame, votes: pl.DataFrame) -> tuple[pl.DataFrame, Funnel]:
    """Adds reason, winner and confidence to the candidates after the vote, and counts the reasons (funnel)."""
    decided = votes.select("question_id", "key", "confidence", decision="reason")
    voted = pl.col("reason") == OPEN
    admitted = pl.col("decision").replace("winner", "admitted")
    candidates = (
        drafts.join(decided, on="question_id", how="left", maintain_order="left")
        .with_columns(pl.when(voted).then(pl.col(name)) for name in ("key", "confidence"))
        .with_columns(reason=pl.when(voted).then(admitted).otherwise("reason"))
        .select(*schemas.CANDIDATES)
    )
    counts = candidates.group_by("task", maintain_order=True).agg("reason")
    return candidates, {
        task: {"all": len(reasons), **{each: reasons.count(each) for each in REASONS}}
        for task, reasons in counts.iter_rows()
    }


def take_admitted(candidates: pl.DataFrame) -> pl.DataFrame:
    """Returns the admitted candidates; raises ValueError if there are none."""
    admitted = candidates.filter(reason="admitted")
    if admitted.is_empty():
        raise ValueError(
            f"question_generation: none of {candidates.height:,} candidates was admitted "
            f"({reasons(candidates)}); widen question_generation.confidence, or raise candidates"
        )
    for task in candidates["task"].unique(maintain_order=True):
        if admitted.filter(task=task).is_empty():
            log.warning("Task %s: none of its generated questions was admitted", task)
    return admitted.with_columns(split=pl.lit("unlabeled")).select(*schemas.QUESTIONS)


def reasons(table: pl.DataFrame) -> str:
    """Lists the reasons with their counts, such as "300 cut off, 12 duplicate"."""
    counts = statistics.counts(table["reason"])
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.items())
