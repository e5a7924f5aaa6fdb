"""The local engine: transformers with a prefix tree, so that paths share the computation of their prompts."""

from lmsi_kedro.engines.local.engine import LocalEngine

__all__ = ["LocalEngine"]
