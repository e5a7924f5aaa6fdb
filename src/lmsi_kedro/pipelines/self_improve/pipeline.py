"""The loop: rounds of sampling, voting, mixing, fine-tuning and monitoring, then the measurements and the report.

In every round, the latest promoted model samples paths. The base model, not the latest one, is fine-tuned on
those that agree with the vote, and on older examples of questions without new ones; the result is
candidate_k. The monitor promotes it to model_k unless it sees a collapse, a clear loss or, from the second round
on, no clear gain; otherwise model_k is a copy of the previous model.
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
    create_evaluations,
    create_examination,
    create_promotion,
)
from lmsi_kedro.wiring import namespaced

# Datasets that all rounds share. Most others are in the namespace of their round, such as round_1.votes.
SHARED = {"questions", "tasks", "exemplars", "base_model"}


def create_candidate(
    number: int, previous: str, candidate: str, objective: Objective = "sft"
) -> Pipeline:
    """Samples paths from the previous model, votes on them, and trains the base model on those that are kept.

    The nodes in order, the files of their functions (of the same names), and the datasets that they make:

        plan_paths           pipelines/sampling/nodes.py           -> paths_sampling_plan
        sample_paths         engines/sample.py                     -> paths
        read_answers         wiring.py, which calls reading.py     -> readings
        count_votes          pipelines/voting/nodes.py             -> votes
        keep_agreeing_paths  pipelines/voting/nodes.py             -> answers
        select_voted_paths   pipelines/mixing/nodes.py             -> selected
        leave_out_leaks      pipelines/mixing/nodes.py             -> taught, leaks_k
        render_examples      pipelines/mixing/nodes.py             -> new_examples
        accumulate_examples  pipelines/mixing/nodes.py             -> examples_k
        balance_examples     pipelines/mixing/nodes.py             -> mixture
        choose_training      pipelines/fine_tuning/nodes.py        -> training
        fine_tune            pipelines/fine_tuning/nodes.py        -> candidate_k

    For the report only, like leaks_k:

        measure_sharing      pipelines/sampling/sharing.py         -> sharing_k
        describe_votes       evaluation/comparison.py              -> vote_statistics_k

    Names without k are in the namespace round_k. The objective "scpo" trains on pairs of a kept path and a path
    whose answer has the fewest votes.
    """
    paired = objective == "scpo"
    steps = [
        sampling.create_pipeline(number),
        voting.create_pipeline(number),
        mixing.create_preferences(number) if paired else mixing.create_pipeline(number),
        fine_tuning.create_pipeline("preferences" if paired else "mixture"),
    ]
    # Name in the steps: name in the loop
    renamed = {
        "model": previous,
        "previous_examples": f"examples_{number - 1}",
        "examples": f"examples_{number}",
        "tuned_model": candidate,
        "pairs": f"pairs_{number}",
        "vote_statistics": f"vote_statistics_{number}",
        "leaks": f"leaks_{number}",
        "sharing": f"sharing_{number}",
    }
    older_pairs = {f"pairs_{before}" for before in range(1, number)}
    return namespaced(Pipeline(steps), f"round_{number}", SHARED | older_pairs, renamed)


def create_round(number: int, guard: Guard = "none", objective: Objective = "sft") -> Pipeline:
    """model_{k-1} -> model_k, which is candidate_k if that is promoted, otherwise model_{k-1}.

    After the nodes of create_candidate, the monitor measures the candidate's health (signs of a collapse) and
    support (an estimate of accuracy without labels) on probe questions, or on unlabeled ones if a task has none:

        plan_monitor_paths    pipelines/monitoring/nodes.py    -> monitor_paths_sampling_plan
        sample_monitor_paths  engines/sample.py: sample_paths  -> monitor_paths
        read_monitor_answers  pipelines/monitoring/nodes.py    -> monitor_readings_candidate_k,
                                                                  greedy_readings_candidate_k
        examine_paths         pipelines/monitoring/nodes.py    -> health_candidate_k
        measure_support       pipelines/monitoring/support.py  -> support_candidate_k
        promote_candidate     pipelines/monitoring/nodes.py    -> model_k, health_k, support_k, monitor_k

    Names without k are in the namespace monitor_candidate_k.
    """
    previous = "base_model" if number == 1 else f"model_{number - 1}"
    candidate = f"candidate_{number}"
    return Pipeline(
        [
            create_candidate(number, previous, candidate, objective),
            create_examination(candidate, suffix=candidate, guard=guard),
            create_promotion(number, previous, candidate),
        ]
    )


def create_pipeline(
    rounds: int,
    guard: Guard = "none",
    arms: Sequence[Arm] = ("random",),
    equal_compute: bool = False,
    headroom: HeadroomParams | None = None,
    objective: Objective = "sft",
) -> Pipeline:
    """Chains the rounds; adds preparation, control arms, evaluations of all but rejected models, and the report.

    guard: "probe" lets the monitor use labels of probe questions. equal_compute: also compare model_1 with the
    base model's vote over as many paths as the compute of round 1 allows. headroom: how to measure the lead of
    votes over greedy paths; None: not measured.
    """
    if headroom and not headroom.in_loop:
        headroom = None
    loop = Pipeline(
        [
            preparation.create_pipeline(),
            # The base model's datasets end in _0, those of candidates in _candidate_k.
            create_examination("base_model", suffix="0", guard=guard),
            *[create_round(number, guard, objective) for number in range(1, rounds + 1)],
            *[controls.create_arm(arm) for arm in arms],
            *([controls.create_equal_compute()] if equal_compute else []),
            *create_evaluations(rounds, arms),
            create_comparison(rounds, arms),
            reporting.create_record(rounds, arms, equal_compute),
            reporting.create_pipeline(rounds, arms, equal_compute, headroom is not None),
        ]
    )
    return with_headroom(loop, headroom) if headroom else loop
