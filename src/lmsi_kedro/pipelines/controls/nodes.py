"""Compares training with spending the same compute on a vote over more paths."""

from typing import Any

import polars as pl

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.evaluation.comparison import Metrics, paired
from lmsi_kedro.params import ControlParams, EngineParams, EvaluationParams
from lmsi_kedro.pipelines.evaluation.nodes import plan_evaluation
from lmsi_kedro.tasks import Tasks

# A training step does about three times the arithmetic of a forward pass (Kaplan et al. 2020).
TRAINED = 3


def afford_paths(
    votes: Metrics,
    tuned: Model,
    questions: pl.DataFrame,
    tasks: Tasks,
    evaluation: EvaluationParams,
    controls: ControlParams,
) -> dict[str, Any]:
    """Computes how many paths per in-domain held-out question cost as much as round 1, and how many to sample.

    The round's compute is its sampled tokens plus three times its trained tokens; prompt tokens are not counted.
    """
    held_out = questions.filter(pl.col("task").is_in(tasks.in_domain), split="held_out")
    count = held_out.group_by("task", maintain_order=True).head(evaluation.greedy_questions).height
    tokens = votes["sampling"]["tokens"] + TRAINED * tuned.record()["tokens"]
    affordable = tokens / (max(count, 1) * votes["votes"]["tokens_per_path"])
    return {
        "tokens": tokens,
        "affordable": round(affordable),
        "m": max(1, min(round(affordable), controls.most_paths)),
    }


def plan_untrained(
    questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    base_model: Model,
    tasks: Tasks,
    evaluation: EvaluationParams,
    engine: EngineParams,
    afforded: dict[str, Any],
) -> Plan:
    """Plans self-consistency of the base model with the affordable number of paths, on in-domain questions."""
    in_domain = Tasks({name: tasks[name] for name in tasks.in_domain})
    alone = evaluation.model_copy(update={"modes": ["self_consistency"], "m": afforded["m"]})
    return plan_evaluation(questions, exemplars, base_model, in_domain, alone, engine)


def contrast(untrained: pl.DataFrame, tuned: pl.DataFrame, afforded: dict[str, Any]) -> Metrics:
    """Compares the base model's vote (before) with one greedy path of the tuned model (after) by question.

    The two are decoded differently on purpose, so the difference is not the gain of training: it compares what a
    user would get from either. The result is empty without labeled held-out questions.
    """
    greedy = tuned.filter(mode="cot_greedy").select("question_id", after="correct")
    pairs = untrained.select("question_id", before="correct").join(
        greedy, on="question_id", validate="1:1", maintain_order="left"
    )
    return {**afforded, **paired(pairs)} if pairs.height else {}
