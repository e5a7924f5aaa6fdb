"""Sampling engines with a common protocol, and the plan of the chunks that they compute."""
