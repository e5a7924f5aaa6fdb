"""The graph of the control arms."""

from lmsi_kedro.pipelines.self_improve.pipeline import create_pipeline
from lmsi_kedro.pipelines.warm_start import start_warm
from tests.graphs import ARMS, ancestors


def test_arms_differ_only_in_their_mixture() -> None:
    """All other inputs of training are the same as for the vote."""
    pipeline = create_pipeline(rounds=1, arms=ARMS)
    training = {n.name: n for n in pipeline.nodes if n.name.endswith("fine_tune")}
    vote = set(training["round_1.fine_tune"].inputs) - {"round_1.mixture"}
    for arm in ARMS:
        inputs = set(training[f"round_1.{arm}.fine_tune"].inputs)
        assert inputs == vote | {f"round_1.{arm}.mixture"}


def test_labeled_arm_uses_only_worked_examples() -> None:
    """The arm trains the warm-started model on the labeled examples again, with the settings of the round."""
    pipeline = start_warm(create_pipeline(rounds=1, arms=["labeled"]))
    training = {n.name: n for n in pipeline.nodes if n.name.endswith("fine_tune")}
    labeled, vote = (training[f"round_1.{name}fine_tune"] for name in ("labeled.", ""))
    assert set(labeled.inputs) - {"round_1.labeled.mixture"} == set(vote.inputs) - {
        "round_1.mixture"
    }
    assert "warm_model" in labeled.inputs
    made_from = ancestors(pipeline, "examples_labeled")
    assert "examples_warm" in made_from
    assert not {"round_1.paths", "round_1.votes"} & made_from
