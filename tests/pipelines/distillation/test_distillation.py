"""The graph of distillation."""

from lmsi_kedro.pipelines.distillation import create_pipeline
from tests.graphs import ancestors


def test_labels_only_measure_the_student() -> None:
    pipeline = create_pipeline(rounds=1)
    assert "labels" not in ancestors(pipeline, "model_distilled")
    assert "labels" in ancestors(pipeline, "metrics_distilled")
