"""The whole loop in one picture.

    questions, exemplars, model_{k-1} -> sampling -> voting -> mixing -+
                                                          base_model -+-> fine_tuning -> candidate_k
                                       model_{k-1}, candidate_k -> monitoring -> model_k

Every round fine-tunes the base model. The monitor promotes the candidate, or keeps model_{k-1} if it sees a
collapse or, from the second round on, no gain; it uses no labels unless `guard` is "probe".

`create_pipeline(rounds)` chains the rounds, each in its namespace `round_k`, trains the control arms of round 1,
compares every model with the base model, and reports. The pipeline `controls` is the same with every arm.
"""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.evaluation.comparison import compare, vote_statistics
from lmsi_kedro.params import Arm, Guard, HeadroomParams, Objective
from lmsi_kedro.pipelines import (
    controls,
    evaluation,
    fine_tuning,
    headroom,
    mixing,
    monitoring,
    preparation,
    reporting,
    sampling,
    voting,
)
from lmsi_kedro.wiring import namespaced

SHARED = {"questions", "tasks", "exemplars"}
LABELED = {*SHARED, "labels"}

# The steps of a round; each is also registered as a pipeline on round 1.
STEPS = {
    "sampling": ["round_1.plan_paths", "round_1.sample_paths"],
    "voting": ["round_1.read_answers", "round_1.count_votes", "round_1.keep_agreeing_paths"],
    "mixing": [
        "round_1.select_voted_paths",
        "round_1.select_paired_paths",
        "round_1.leave_out_leaks",
        "round_1.render_examples",
        "round_1.accumulate_examples",
        "round_1.balance_examples",
        "round_1.oppose_examples",
    ],
    "fine_tuning": ["round_1.choose_training", "round_1.fine_tune"],
}


def create_pipeline(
    rounds: int,
    guard: Guard = "none",
    arms: Sequence[Arm] = ("random",),
    equal_compute: bool = False,
    measured: HeadroomParams | None = None,
    objective: Objective = "sft",
) -> Pipeline:
    """Preparation, rounds, control arms, evaluation of every model, report.

    equal_compute: also measures what the compute of round 1 would gain without training. measured: the settings
    for measuring headroom before training; with its `stop`, training depends on the result. objective: of the
    rounds; control arms have no pairs and are always fine-tuned on their paths.
    """
    in_loop = measured is not None and measured.in_loop
    loop = Pipeline(
        [
            preparation.create_pipeline(),
            create_examination("base_model", "0", guard),
            *[create_round(number, guard, objective) for number in range(1, rounds + 1)],
            create_evaluation("base_model", 0, "base", "0"),
            *[create_evaluation(f"model_{k}", k, "vote", str(k)) for k in range(1, rounds + 1)],
            *[controls.create_arm(arm) for arm in arms],
            *[create_evaluation(f"model_{arm}", 1, arm, arm) for arm in arms],
            *([controls.create_equal_compute()] if equal_compute else []),
            create_comparison(rounds, arms),
            *([create_headroom(measured.probe)] if measured and in_loop else []),
            reporting.create_record(rounds, arms, equal_compute),
            reporting.create_pipeline(rounds, arms, equal_compute, in_loop),
        ]
    )
    return gated(loop) if measured and measured.stop else loop


def create_headroom(probe: bool) -> Pipeline:
    """headroom: how much more accurate the base model's votes in round 1 are than its greedy paths."""
    outside = {*LABELED, "headroom"}
    voted = {"sampled_paths": "paths", "sampled_readings": "readings"}
    steps = namespaced(headroom.create_pipeline(probe), "headroom", {*outside, "model"}, voted)
    return namespaced(steps, "round_1", outside, {"model": "base_model"})


def gated(loop: Pipeline) -> Pipeline:
    """The loop with a gate after the votes of round 1: all training depends on it."""
    counting = loop.only_nodes("round_1.count_votes")
    counted = Pipeline(counting, outputs={"round_1.votes": "round_1.counted_votes"})
    return (
        (loop - counting)
        + counted
        + namespaced(headroom.create_gate(), "round_1", {"headroom"}, {})
    )


def create_steps(*steps: str, objective: Objective = "sft") -> Pipeline:
    """These steps of round 1, and the plan node, which is needed to find the stored paths."""
    nodes = {"round_1.plan_paths"}.union(*(STEPS[step] for step in steps))
    whole = create_round(1, objective=objective)
    return whole.only_nodes(*nodes & {node.name for node in whole.nodes})


def create_round(number: int, guard: Guard = "none", objective: Objective = "sft") -> Pipeline:
    """model_{k-1} -> model_k: sample, vote, mix, fine-tune the base model on the kept paths, promote.

    Sampling continues from the last promoted model, training always restarts from the base model.
    """
    previous = "base_model" if number == 1 else f"model_{number - 1}"
    candidate = f"candidate_{number}"
    return Pipeline(
        [
            create_candidate(number, previous, candidate, objective),
            create_examination(candidate, candidate, guard),
            create_promotion(number, previous, candidate),
        ]
    )


def create_candidate(
    number: int, previous: str, candidate: str, objective: Objective = "sft"
) -> Pipeline:
    """The previous model samples paths, votes select some of them, and the base model is trained on these."""
    statistics = Node(
        vote_statistics,
        ["votes", "answers", "readings", "params:paths"],
        "vote_statistics",
        name="describe_votes",
    )
    paired = objective == "scpo"
    steps = [
        sampling.create_pipeline(number),
        voting.create_pipeline(number),
        mixing.create_preferences(number) if paired else mixing.create_pipeline(),
        fine_tuning.create_pipeline("preferences" if paired else "mixture"),
        Pipeline([statistics]),
    ]
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
    older = {f"pairs_{before}" for before in range(1, number)}
    shared = {*SHARED, "base_model", *older}
    return namespaced(Pipeline(steps), f"round_{number}", shared, renamed)


def create_promotion(number: int, previous: str, candidate: str) -> Pipeline:
    """model_k: the candidate, or the model before it."""
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


def create_examination(model: str, suffix: str, guard: Guard) -> Pipeline:
    """health and support: the collapse monitor's measurements of a model."""
    made = ("health", "support", "monitor_readings", "greedy_readings")
    renamed = {name: f"{name}_{suffix}" for name in made}
    renamed |= {"model": model, "base_readings": "monitor_readings_0"}
    return namespaced(monitoring.create_examination(guard), f"monitor_{suffix}", LABELED, renamed)


def create_evaluation(model: str, round: int, arm: str, suffix: str) -> Pipeline:
    """The predictions of one model."""
    renamed = {
        "model": model,
        "evaluation_readings": f"evaluation_readings_{suffix}",
        "predictions": f"predictions_{suffix}",
        "curves": f"curves_{suffix}",
    }
    steps = evaluation.create_pipeline(round, arm)
    return namespaced(steps, f"evaluation_{suffix}", LABELED, renamed)


def create_comparison(rounds: int, arms: Sequence[Arm]) -> Pipeline:
    """Compares every model with the base model and the one before, and the vote of round 1 with its controls."""
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
