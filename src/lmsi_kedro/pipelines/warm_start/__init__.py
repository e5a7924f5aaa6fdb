"""Before the loop: the base model is trained, supervised, on worked examples that people labeled."""

from lmsi_kedro.pipelines.warm_start.pipeline import create_pipeline, start_warm

__all__ = ["create_pipeline", "start_warm"]
