"""Parses the answers of the paths and votes on them (paper, section 3.1)."""

from lmsi_kedro.pipelines.voting.chat_reader import with_reader
from lmsi_kedro.pipelines.voting.pipeline import create_pipeline

__all__ = ["create_pipeline", "with_reader"]
