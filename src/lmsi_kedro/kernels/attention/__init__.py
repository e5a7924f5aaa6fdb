"""Attention over a prefix tree; `reference` is the specification."""
