"""Reporting: metrics.json, two figures and report.html from what the rounds measured."""

from lmsi_kedro.pipelines.reporting.pipeline import create_pipeline

__all__ = ["create_pipeline"]
