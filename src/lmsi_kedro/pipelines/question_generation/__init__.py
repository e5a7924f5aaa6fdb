"""New questions from a few seeds, admitted through a funnel (paper, section 3.3)."""

from lmsi_kedro.pipelines.question_generation.pipeline import create_pipeline, seeds

__all__ = ["create_pipeline", "seeds"]
