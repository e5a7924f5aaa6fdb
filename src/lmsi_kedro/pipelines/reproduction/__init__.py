"""The paper's tables and figures beside ours, from questions that nothing was chosen on."""

from lmsi_kedro.pipelines.reproduction.pipeline import create_pipeline

__all__ = ["create_pipeline"]
