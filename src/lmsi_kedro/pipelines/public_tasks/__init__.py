"""Public benchmarks become the question file (paper, section 4: six tasks in domain, seven outside)."""

from lmsi_kedro.pipelines.public_tasks.pipeline import create_pipeline

__all__ = ["create_pipeline"]
