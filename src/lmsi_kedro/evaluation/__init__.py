"""Evaluates predictions: marking, paired comparisons, curves over the number of paths, calibration."""
