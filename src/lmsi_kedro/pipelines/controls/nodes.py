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
    """How many paths per in-domain held-out question the tokens of round 1 pay for, and how many are sampled.

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
    """Self-consistency of the base model with the affordable paths, on the in-domain questions of that mode."""
    in_domain = Tasks({name: tasks[name] for name in tasks.in_domain})
    alone = evaluation.model_copy(update={"modes": ["self_consistency"], "m": afforded["m"]})
    return plan_evaluation(questions, exemplars, base_model, in_domain, alone, engine)


def contrast(untrained: pl.DataFrame, tuned: pl.DataFrame, afforded: dict[str, Any]) -> Metrics:
    """The base model's vote (before) against one greedy path of the tuned model (after), on the same questions.

    The two are decoded differently on purpose, so the difference is not a gain of training: it compares what a
    user would get from either. Empty without labeled held-out questions.
    """
    greedy = tuned.filter(mode="cot_greedy").select("question_id", after="correct")
    pairs = untrained.select("question_id", before="correct").join(
        greedy, on="question_id", validate="1:1", maintain_order="left"
    )
    return {**afforded, **paired(pairs)} if pairs.height else {}
