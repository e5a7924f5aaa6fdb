"""What predictions say: marks, paired comparisons, curves over the number of paths, calibration."""
