"""Trains one model on the paths of another (paper, section 5.4 and table 7)."""

from lmsi_kedro.pipelines.distillation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
