"""Builds the embedded models from documents of the mini world."""

from lmsi_kedro.pipelines.base_model.pipeline import create_pipeline

__all__ = ["create_pipeline"]
