"""Can this model improve on these questions? Measured before anybody pays for training (docs/headroom.md)."""

from lmsi_kedro.pipelines.headroom.pipeline import create_gate, create_pipeline

__all__ = ["create_gate", "create_pipeline"]
