"""Datasets of our own: sampled chunks, model directories, files that people write."""
