"""The report: what was found in words, two figures, and one self-contained page."""
