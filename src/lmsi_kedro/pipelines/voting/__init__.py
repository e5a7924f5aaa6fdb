"""Parses the answers of the paths and votes on them (paper, section 3.1)."""

from lmsi_kedro.pipelines.voting.pipeline import create_pipeline
from lmsi_kedro.pipelines.voting.reader import with_reader

__all__ = ["create_pipeline", "with_reader"]
