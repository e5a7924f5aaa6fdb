"""Samples m chain-of-thought paths per unlabeled question (paper, section 3.1)."""

from lmsi_kedro.pipelines.sampling.pipeline import create_pipeline

__all__ = ["create_pipeline"]
