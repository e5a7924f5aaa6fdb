"""Makes metrics.json and report.html from the measurements of the rounds, and the record of the run."""

from lmsi_kedro.pipelines.reporting.pipeline import create_pipeline, create_record

__all__ = ["create_pipeline", "create_record"]
