"""Makes a question file from public benchmarks (paper, section 4: six tasks in domain, seven out of domain)."""

from lmsi_kedro.pipelines.public_tasks.pipeline import create_pipeline

__all__ = ["create_pipeline"]
