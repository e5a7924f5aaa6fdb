"""Measures a model on held-out questions in the paper's modes (section 4)."""

from lmsi_kedro.pipelines.evaluation.pipeline import create_marking, create_pipeline

__all__ = ["create_marking", "create_pipeline"]
