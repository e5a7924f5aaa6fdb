"""Compares ways to learn from the same paths: fine-tuning, weights, a gate, preferences, and two controls."""

from lmsi_kedro.pipelines.methods.pipeline import create_pipeline

__all__ = ["create_pipeline"]
