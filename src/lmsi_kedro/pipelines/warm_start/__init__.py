"""Trains the base model on labeled, worked examples before the loop."""

from lmsi_kedro.pipelines.warm_start.pipeline import create_pipeline, start_warm

__all__ = ["create_pipeline", "start_warm"]
