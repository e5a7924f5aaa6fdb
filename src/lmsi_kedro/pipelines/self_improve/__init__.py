"""The loop: rounds of sampling, voting, mixing and fine-tuning, measured before and after."""

from lmsi_kedro.pipelines.self_improve.pipeline import create_pipeline

__all__ = ["create_pipeline"]
