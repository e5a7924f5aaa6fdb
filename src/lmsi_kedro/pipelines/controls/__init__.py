"""Measures what other training sets (control arms), or the same compute without training, would have gained."""

from lmsi_kedro.pipelines.controls.pipeline import create_arm, create_equal_compute

__all__ = ["create_arm", "create_equal_compute"]
