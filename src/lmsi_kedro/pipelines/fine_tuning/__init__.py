"""Fine-tunes the base model on the examples (paper, section 3.3)."""

from lmsi_kedro.pipelines.fine_tuning.pipeline import create_pipeline, create_training

__all__ = ["create_pipeline", "create_training"]
