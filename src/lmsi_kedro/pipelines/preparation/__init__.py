"""Turns the user's files into checked tables."""

from lmsi_kedro.pipelines.preparation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
