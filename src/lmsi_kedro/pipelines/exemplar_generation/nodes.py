"""Makes few-shot exemplars from the model's own greedy answers to the seeds (paper, sections 3.3 and 5.2)."""

import re
from collections.abc import Iterable
from random import Random
from typing import Any

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.context import check_room
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, ExemplarGenerationParams, PathParams, VotingParams
from lmsi_kedro.reading import read_texts
from lmsi_kedro.tasks import Kind, Tasks, written
from lmsi_kedro.tasks.questions import prompts_of
from lmsi_kedro.tasks.thoughts import speech

SENTENCES = re.compile(r"(.*(?:[.!?]\s|\n))", re.DOTALL)  # as many complete sentences as possible


def plan_worked_seeds(
    seed_questions: pl.DataFrame,
    model: Model,
    path_params: PathParams,
    engine: EngineParams,
    tasks: Tasks,
) -> Plan:
    """Plans one greedy path per seed, prompted by "Let's think step by step." (Kojima et al. 2022)."""
    greedy = path_params.sampling.of(model).model_copy(update={"temperature": 0.0})
    prompts = {
        question: prompt
        for (name,), seeds in seed_questions.partition_by("task", as_dict=True).items()
        for question, prompt in prompts_of(seeds, "zero_shot_cot", [], tasks[str(name)]).items()
    }
    advice = "Lower paths.sampling.max_new_tokens, or take these questions out"
    check_room([prompts], model.path, greedy.max_new_tokens, engine, advice)
    plan = Plan(model.path, model.digest, engine)
    plan.add(prompts, range(1), greedy, {"exemplar_set": "none"})
    return plan


def read_worked_seeds(
    seed_paths: Iterable[pl.DataFrame],
    seed_questions: pl.DataFrame,
    tasks: Tasks,
    voting: VotingParams,
) -> pl.DataFrame:
    """Parses the rationale and answer of each seed; it is kept if both can be parsed, whether right or wrong."""
    rows = [
        worked(row, tasks[row["task"]].kind)
        for chunk in read_texts(seed_paths, seed_questions, tasks, voting)
        for row in chunk.iter_rows(named=True)
    ]
    return pl.DataFrame(rows, schema=schemas.WORKED_SEEDS).sort("task", "question_id")


def worked(row: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """Makes a row of worked_seeds: the rationale is the complete sentences before the one with the answer."""
    if row["key"] is None:
        return {**row, "reason": "unreadable"}
    text = row["text"][: row["start"]]
    found = SENTENCES.match(text[speech(text)[0] :])
    rationale = found[1].strip() if found else ""
    answer = written(row["key"], row["surface"], kind)
    reason = "kept" if rationale else "no rationale"
    return {**row, "rationale": rationale or None, "answer": answer, "reason": reason}


def compose_sets(
    worked_seeds: pl.DataFrame,
    seed_questions: pl.DataFrame,
    exemplar_generation: ExemplarGenerationParams,
) -> pl.DataFrame:
    """Composes the sets "task/01", "task/02", ..., each with random exemplars in random order.

    Raises ValueError if a task has fewer usable exemplars than a set needs.
    """
    size, sets = exemplar_generation.exemplars_per_set, exemplar_generation.sets
    content = seed_questions.select("question_id", "question", "context", "choices")
    tables = [schemas.empty(schemas.EXEMPLARS)]
    for (task,), rows in worked_seeds.partition_by("task", as_dict=True).items():
        kept = rows.filter(reason="kept")
        if kept.height < size:
            raise ValueError(
                f"exemplar_generation: {kept.height} of {rows.height} seeds of task {task} have a parsed answer "
                f"with a rationale, but a set needs {size}; raise question_generation.seeds, or lower "
                "exemplar_generation.exemplars_per_set"
            )
        usable = kept.join(content, on="question_id", maintain_order="left")
        for number in range(1, sets + 1):
            lot = Random(f"{exemplar_generation.seed} {task} {number}")
            name = pl.lit(f"{task}/{number:0{len(str(sets))}}")
            selected = usable[lot.sample(range(usable.height), size)].with_columns(
                exemplar_set=name
            )
            tables.append(selected.select(*schemas.EXEMPLARS))
    return pl.concat(tables)
