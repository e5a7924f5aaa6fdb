"""Checks without labels whether a round has collapsed, before its model is promoted.

The monitor compares the health and support of a candidate with those of the previous model. Health is the
agreement, diversity and length of a model's paths, the share of unparsable ones, and the entropy of the winning
answers. Support is the share of the base model's sampled paths that agree with the model's greedy answer. With
the guard `probe`, the monitor also uses the labels of probe questions, and support is whether the answer is right.

Probe questions are neither trained on nor held out. A task without them, which is the default for your own
questions (preparation.probe_share is 0), is examined on unlabeled questions, which are trained on.
"""

from lmsi_kedro.pipelines.monitoring.pipeline import create_examination, create_promotion

__all__ = ["create_examination", "create_promotion"]
