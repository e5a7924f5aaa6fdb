"""The steps of the loop for each model: examination, promotion, evaluation and comparison."""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.evaluation.comparison import compare
from lmsi_kedro.params import Arm, Guard
from lmsi_kedro.pipelines import evaluation, monitoring
from lmsi_kedro.wiring import namespaced

LABELED = {"questions", "tasks", "exemplars", "labels"}


def create_examination(model: str, suffix: str, guard: Guard) -> Pipeline:
    """Measures the health and support of a model for the collapse monitor."""
    made = ("health", "support", "monitor_readings", "greedy_readings")
    renamed = {name: f"{name}_{suffix}" for name in made}
    renamed |= {"model": model, "base_readings": "monitor_readings_0"}
    return namespaced(monitoring.create_examination(guard), f"monitor_{suffix}", LABELED, renamed)


def create_promotion(number: int, previous: str, candidate: str) -> Pipeline:
    """Promotes the candidate to model_k, or keeps the previous model as model_k."""
    renamed = {
        "candidate": candidate,
        "previous_model": previous,
        "promoted_model": f"model_{number}",
        "monitor": f"monitor_{number}",
    }
    for seen in ("health", "support"):
        renamed |= {
            f"{seen}_before": f"{seen}_{number - 1}",
            f"{seen}_candidate": f"{seen}_{candidate}",
            seen: f"{seen}_{number}",
        }
    return namespaced(monitoring.create_promotion(number), f"monitor_{candidate}", set(), renamed)


def create_evaluation(model: str, round_number: int, arm: str, suffix: str) -> Pipeline:
    """Evaluates one model: its readings, predictions and curves."""
    renamed = {
        "model": model,
        "evaluation_readings": f"evaluation_readings_{suffix}",
        "predictions": f"predictions_{suffix}",
        "curves": f"curves_{suffix}",
    }
    steps = evaluation.create_pipeline(round_number, arm)
    return namespaced(steps, f"evaluation_{suffix}", LABELED, renamed)


def create_evaluations(rounds: int, arms: Sequence[Arm]) -> list[Pipeline]:
    """Evaluates the base model, the model of every round, and those of the control arms."""
    return [
        create_evaluation("base_model", 0, "base", "0"),
        *[create_evaluation(f"model_{k}", k, "vote", str(k)) for k in range(1, rounds + 1)],
        *[create_evaluation(f"model_{arm}", 1, arm, arm) for arm in arms],
    ]


def create_comparison(rounds: int, arms: Sequence[Arm]) -> Pipeline:
    """Compares every model with the base and the previous model, and model_1 with the control arms."""
    numbers = range(1, rounds + 1)
    pairs = [(f"metrics_{k}", "0", str(k)) for k in numbers]
    pairs += [(f"metrics_step_{k}", str(k - 1), str(k)) for k in numbers]
    pairs += [(f"metrics_{arm}", "0", arm) for arm in arms]
    pairs += [(f"metrics_vote_over_{arm}", arm, "1") for arm in arms]
    return Pipeline(
        [
            Node(
                compare,
                inputs=[f"predictions_{before}", f"predictions_{after}", "tasks"],
                outputs=name,
                name=f"compare_{name}",
            )
            for name, before, after in pairs
        ]
    )
