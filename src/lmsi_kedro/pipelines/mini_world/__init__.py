"""Makes the embedded questions, labels and exemplars from a seed."""

from lmsi_kedro.pipelines.mini_world.pipeline import create_pipeline

__all__ = ["create_pipeline"]
