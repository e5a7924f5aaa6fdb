"""The pipelines, one folder each: `pipeline.py` contains the wiring, `nodes.py` the functions."""
