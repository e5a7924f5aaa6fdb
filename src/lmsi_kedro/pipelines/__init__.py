"""The pipelines, one folder each: `pipeline.py` is the wiring, `nodes.py` the functions."""
