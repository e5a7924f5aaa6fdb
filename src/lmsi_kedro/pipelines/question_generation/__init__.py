"""Generates new questions from a few seeds and filters them (paper, section 3.3)."""

from lmsi_kedro.pipelines.question_generation.pipeline import create_pipeline, seeds

__all__ = ["create_pipeline", "seeds"]
