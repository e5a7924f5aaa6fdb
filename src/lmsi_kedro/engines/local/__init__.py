"""The local engine: transformers, with our prefix tree."""

from lmsi_kedro.engines.local.engine import LocalEngine

__all__ = ["LocalEngine"]
