"""Checks without labels whether a round has collapsed, before its model is promoted."""

from lmsi_kedro.pipelines.monitoring.pipeline import create_examination, create_promotion

__all__ = ["create_examination", "create_promotion"]
