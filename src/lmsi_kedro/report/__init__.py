"""The report: the results in words and figures, on one self-contained page, and the model card."""
