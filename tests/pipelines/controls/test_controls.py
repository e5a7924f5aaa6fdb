"""The graph of the control arms."""

from lmsi_kedro.pipelines.self_improve.pipeline import create_pipeline
from tests.graphs import ARMS


def test_every_arm_trains_the_base_model_under_the_same_parameters() -> None:
    """The arms differ in their mixture alone."""
    pipeline = create_pipeline(rounds=1, arms=ARMS)
    training = {n.name: n for n in pipeline.nodes if n.name.endswith("fine_tune")}
    vote = set(training["round_1.fine_tune"].inputs) - {"round_1.mixture"}
    for arm in ARMS:
        inputs = set(training[f"round_1.{arm}.fine_tune"].inputs)
        assert inputs == vote | {f"round_1.{arm}.mixture"}
