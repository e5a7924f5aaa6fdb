"""Sampling engines behind one protocol, and the plan of chunks that they work through."""
