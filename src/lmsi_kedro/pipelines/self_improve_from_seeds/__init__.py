"""Runs the loop from only a few seed questions (paper, sections 3.3 and 5.2)."""

from lmsi_kedro.pipelines.self_improve_from_seeds.pipeline import create_pipeline

__all__ = ["create_pipeline"]
