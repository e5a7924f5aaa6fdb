"""Compares the paper's tables and figures with ours, on questions that were not used to choose any setting."""

from lmsi_kedro.pipelines.reproduction.pipeline import create_pipeline

__all__ = ["create_pipeline"]
