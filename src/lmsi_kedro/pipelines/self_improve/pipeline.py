"""The whole loop in one picture.

    questions, exemplars, model_{k-1} -> sampling -> voting -> mixing -+
                                                          base_model -+-> fine_tuning -> candidate_k
                                       model_{k-1}, candidate_k -> monitoring -> model_k

Every round fine-tunes the base model; model_0 is the base model. The monitor samples paths of each model for
probe questions, which are never trained on, and compares agreement, diversity, length and support (the share of
the base model's paths that agree). It promotes the candidate unless it sees a collapse, a loss or, from the second
round on, no gain, and uses no labels unless `guard` is "probe".

`create_round` and `create_candidate` implement the method. `create_pipeline` chains the rounds, each in the
namespace `round_k`, and adds the measurements: control arms, evaluations, comparisons and the report.
"""

from collections.abc import Sequence

from kedro.pipeline import Pipeline

from lmsi_kedro.params import Arm, Guard, HeadroomParams, Objective
from lmsi_kedro.pipelines import (
    controls,
    fine_tuning,
    mixing,
    preparation,
    reporting,
    sampling,
    voting,
)
from lmsi_kedro.pipelines.self_improve.headroom import with_headroom
from lmsi_kedro.pipelines.self_improve.models import (
    create_comparison,
    create_evaluation,
    create_examination,
    create_promotion,
)
from lmsi_kedro.wiring import namespaced

# Datasets that all rounds share; namespaced() prefixes the names of the others with round_k.
SHARED = {"questions", "tasks", "exemplars", "base_model"}


def create_round(number: int, guard: Guard = "none", objective: Objective = "sft") -> Pipeline:
    """model_{k-1} -> model_k, which is candidate_k if that is promoted, otherwise model_{k-1}."""
    previous = "base_model" if number == 1 else f"model_{number - 1}"
    candidate = f"candidate_{number}"
    return Pipeline(
        [
            create_candidate(number, previous, candidate, objective),
            # Monitoring: examine the candidate, then decide. model_{k-1} was examined in its own round.
            create_examination(candidate, suffix=candidate, guard=guard),
            create_promotion(number, previous, candidate),
        ]
    )


def create_candidate(
    number: int, previous: str, candidate: str, objective: Objective = "sft"
) -> Pipeline:
    """Samples paths from the previous model, votes on them, and trains the base model on those that are kept."""
    paired = objective == "scpo"  # trained on pairs of a kept path and one of a losing answer
    steps = [
        sampling.create_pipeline(number),
        voting.create_pipeline(number),
        mixing.create_preferences(number) if paired else mixing.create_pipeline(number),
        fine_tuning.create_pipeline("preferences" if paired else "mixture"),
    ]
    # The datasets of the round that have names outside its namespace.
    renamed = {
        "model": previous,
        "previous_examples": f"examples_{number - 1}",
        "examples": f"examples_{number}",
        "tuned_model": candidate,
        "vote_statistics": f"vote_statistics_{number}",
        "leaks": f"leaks_{number}",
        "sharing": f"sharing_{number}",
        "pairs": f"pairs_{number}",
    }
    # Preference training also uses the pairs of earlier rounds.
    older = {f"pairs_{before}" for before in range(1, number)}
    return namespaced(Pipeline(steps), f"round_{number}", SHARED | older, renamed)


def create_pipeline(
    rounds: int,
    guard: Guard = "none",
    arms: Sequence[Arm] = ("random",),
    equal_compute: bool = False,
    measured: HeadroomParams | None = None,
    objective: Objective = "sft",
) -> Pipeline:
    """Creates the whole loop: preparation, rounds, control arms, evaluation of every model, report.

    guard: "probe" lets the monitor use the labels of probe questions. arms: the control arms to train.
    equal_compute: also measure what the compute of round 1 would gain without training. measured: the settings
    for measuring headroom before training; if `stop` is set, training depends on the result. objective: how the
    rounds train; control arms have no pairs and are always fine-tuned on their paths.
    """
    in_loop = measured is not None and measured.in_loop
    loop = Pipeline(
        [
            preparation.create_pipeline(),
            create_examination("base_model", suffix="0", guard=guard),
            *[create_round(number, guard, objective) for number in range(1, rounds + 1)],
            create_evaluation("base_model", suffix="0", round_number=0, arm="base"),
            *[
                create_evaluation(f"model_{k}", suffix=str(k), round_number=k, arm="vote")
                for k in range(1, rounds + 1)
            ],
            *[controls.create_arm(arm) for arm in arms],
            *[
                create_evaluation(f"model_{arm}", suffix=arm, round_number=1, arm=arm)
                for arm in arms
            ],
            *([controls.create_equal_compute()] if equal_compute else []),
            create_comparison(rounds, arms),
            reporting.create_record(rounds, arms, equal_compute),
            reporting.create_pipeline(rounds, arms, equal_compute, in_loop),
        ]
    )
    return with_headroom(loop, measured) if measured and in_loop else loop
