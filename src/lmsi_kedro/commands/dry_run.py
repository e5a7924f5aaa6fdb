"""Runs the nodes of a pipeline that need no model: they return the prepared tables and the sampling plans."""

from collections.abc import Callable
from typing import Any

import polars as pl
from kedro.pipeline import Node, Pipeline

from lmsi_kedro.hooks import check_inputs
from lmsi_kedro.params import QuestionGenerationParams
from lmsi_kedro.pipelines.controls.nodes import afford_paths
from lmsi_kedro.pipelines.exemplar_generation.nodes import read_worked_seeds
from lmsi_kedro.pipelines.fine_tuning.nodes import choose_training, fine_tune
from lmsi_kedro.pipelines.monitoring.nodes import promote_candidate
from lmsi_kedro.pipelines.question_generation.funnel import OPEN, draft_candidates
from lmsi_kedro.pipelines.question_generation.nodes import admit
from lmsi_kedro.stages import function_of, samples, trains


def dry_run(pipeline: Pipeline, catalog: Any) -> dict[str, Any]:
    """Returns those datasets of a pipeline, by name, that can be computed before the run.

    Nodes that sample are skipped. If the output of a node depends on a model, `STAND_INS` returns the largest
    possible output; all other nodes run if their inputs are known.
    """
    check_inputs(pipeline, catalog)
    needed = {name for node in pipeline.nodes for name in inputs_of(node)}
    loaded = pipeline.inputs() & needed - {"first_day"}  # a dry run must not store the date
    datasets = {name: catalog.load(name) for name in loaded}
    for node in pipeline.nodes:
        inputs = [datasets.get(name) for name in node.inputs]
        if function_of(node) in STAND_INS:
            datasets |= zip(node.outputs, STAND_INS[function_of(node)](*inputs), strict=False)
        elif not samples(node) and all(name in datasets for name in node.inputs):
            made = node.func(*inputs)
            datasets |= zip(node.outputs, made if len(node.outputs) > 1 else [made], strict=True)
    return datasets


def work_of(pipeline: Pipeline) -> Pipeline:
    """Returns the nodes that sample or train, and all nodes before them."""
    return pipeline.to_nodes(
        *[node.name for node in pipeline.nodes if samples(node) or trains(node)]
    )


def inputs_of(node: Node) -> list[str]:
    """Returns the inputs that a node needs here; a node that samples does not need its stored chunks."""
    return [] if samples(node) else node.inputs


def drafts_of(
    _: Any, seed_questions: pl.DataFrame, __: Any, generation: QuestionGenerationParams
) -> tuple[pl.DataFrame]:
    """Returns as many drafts as requested; each is as long as a seed, and none counts as a duplicate."""
    tables = []
    for (task,), seeds in seed_questions.partition_by("task", as_dict=True).items():
        numbers = range(generation.candidates)
        drafts = seeds[[number % seeds.height for number in numbers]]
        tables.append(drafts.with_columns(question_id=pl.Series([f"{task} {n}" for n in numbers])))
    return (pl.concat(tables).with_columns(reason=pl.lit(OPEN)),)


def worked(_: Any, seed_questions: pl.DataFrame, *__: Any) -> tuple[pl.DataFrame]:
    """Returns every seed with a stand-in for its rationale, which is as long as its question."""
    return (
        seed_questions.with_columns(
            rationale="question", answer=pl.lit("1"), reason=pl.lit("kept")
        ).select("question_id", "task", "rationale", "answer", "reason"),
    )


# The stand-in for a node's function computes the first outputs of the node; it receives None for unknown inputs.
STAND_INS: dict[Callable[..., Any], Callable[..., tuple[Any, ...]]] = {
    choose_training: lambda mixture, base_model, training: (
        training if mixture is None else training.of(base_model, mixture.height),
    ),
    fine_tune: lambda examples, base_model, *_: (base_model,),
    promote_candidate: lambda candidate, *_: (candidate,),
    afford_paths: lambda *inputs: ({"m": inputs[-1].most_paths},),
    read_worked_seeds: worked,
    draft_candidates: drafts_of,
    admit: lambda drafts, _: (drafts.with_columns(reason=pl.lit("admitted")),),
}
