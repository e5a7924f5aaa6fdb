"""Ways to learn from the same paths, compared: fine-tuning, weights, a gate, preferences, and two controls."""

from lmsi_kedro.pipelines.methods.pipeline import create_pipeline

__all__ = ["create_pipeline"]
