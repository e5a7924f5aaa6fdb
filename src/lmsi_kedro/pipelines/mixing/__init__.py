"""Renders the kept paths, and once per question their answer, as training examples (paper, table 1)."""

from lmsi_kedro.pipelines.mixing.pipeline import (
    create_pipeline,
    create_preferences,
    create_rendering,
)

__all__ = ["create_pipeline", "create_preferences", "create_rendering"]
