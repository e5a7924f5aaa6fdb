"""Kedro datasets of this project: sampled chunks, model directories, question files."""
