"""Makes few-shot exemplars from the model's own zero-shot answers (paper, section 3.3)."""

from lmsi_kedro.pipelines.exemplar_generation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
