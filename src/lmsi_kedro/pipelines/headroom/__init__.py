"""Measures before training whether this model can improve on these questions (docs/headroom.md)."""

from lmsi_kedro.pipelines.headroom.pipeline import create_gate, create_pipeline

__all__ = ["create_gate", "create_pipeline"]
