"""Reporting: metrics.json and report.html from what the rounds measured, and the record of the run."""

from lmsi_kedro.pipelines.reporting.pipeline import create_pipeline, create_record

__all__ = ["create_pipeline", "create_record"]
