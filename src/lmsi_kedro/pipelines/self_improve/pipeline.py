"""The loop: rounds of sampling, voting, mixing, fine-tuning and monitoring, the measurements, and the report.

In every round, the latest promoted model samples paths, and the base model is fine-tuned on those that agree
with the vote and on the examples of earlier rounds; the result is candidate_k. The monitor promotes it to
model_k unless it sees a collapse, a clear loss or, from the second round on, no clear gain; otherwise model_k
is the previous model.

The monitor examines each model on probe questions, a split that is neither trained on nor held out. A task
without such questions, which is the default for your own (preparation.probe_share is 0), is examined on
unlabeled ones, which are trained on. The monitor compares the health and support of the two models. Its
setting `guard` says which labels it may use: none (the default), or probe, those of the probe questions. Health
is the agreement, diversity and length of a model's paths, the share of unparsable ones, and the entropy of the
winning answers. Support is the share of the base model's sampled paths that agree with the candidate's greedy
answer, which estimates its accuracy (with the guard probe: whether that answer is right).

`create_candidate` (in the namespace `round_k`) and `create_round` implement the method. `create_pipeline` chains
the rounds and adds the measurements: control arms, evaluations, comparisons and the report; on request also the
headroom, which is how much more accurate votes are than greedy paths.
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

# Datasets that all rounds share. A round's other datasets are called round_k.name, such as round_1.votes, except
# first_day, parameters, and those in `renamed` below.
SHARED = {"questions", "tasks", "exemplars", "base_model"}


def create_round(number: int, guard: Guard = "none", objective: Objective = "sft") -> Pipeline:
    """model_{k-1} -> model_k, which is candidate_k if that is promoted, otherwise model_{k-1}.

    The previous model of round 1 is the dataset base_model, whose health and support are health_0 and support_0.

    After create_candidate, the monitor examines the candidate, and then promotes it or keeps the previous model.
    The table lists nodes, whose functions may have other names, with their files and datasets:

        plan_monitor_paths    pipelines/monitoring/nodes.py    -> monitor_paths_sampling_plan
        sample_monitor_paths  engines/sample.py                -> monitor_paths
        read_monitor_answers  pipelines/monitoring/nodes.py    -> monitor_readings_candidate_k,
                                                                  greedy_readings_candidate_k
        examine_paths         pipelines/monitoring/nodes.py    -> health_candidate_k
        measure_support       pipelines/monitoring/support.py  -> support_candidate_k
        promote_candidate     pipelines/monitoring/nodes.py    -> model_k, health_k, support_k, monitor_k

    Names without k are in the namespace monitor_candidate_k. The next round compares its candidate with health_k
    and support_k.
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


def create_candidate(
    number: int, previous: str, candidate: str, objective: Objective = "sft"
) -> Pipeline:
    """Samples paths from the previous model, votes on them, and trains the base model on those that are kept.

    The table lists the nodes in order of execution, the files that define their functions (which may have other
    names), and the datasets that they make:

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

    For the report only:

        measure_sharing      pipelines/sampling/sharing.py         -> sharing_k
        describe_votes       evaluation/comparison.py              -> vote_statistics_k

    The objective "scpo" trains on pairs, which mixing/pairs.py makes.
    """
    # Preference training: pairs of a kept path and one of the least-voted answer.
    paired = objective == "scpo"
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
        "pairs": f"pairs_{number}",
        # Counts for the report.
        "vote_statistics": f"vote_statistics_{number}",
        "leaks": f"leaks_{number}",
        "sharing": f"sharing_{number}",
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
    headroom = measured if measured and measured.in_loop else None
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
            # What was run and what it cost (run.json), and the model cards.
            reporting.create_record(rounds, arms, equal_compute),
            # metrics.json and report.html.
            reporting.create_pipeline(rounds, arms, equal_compute, headroom is not None),
        ]
    )
    return with_headroom(loop, headroom) if headroom else loop
