"""Samples from OpenAI-compatible servers: `fleet` sends requests, `reply` parses replies, `engine` makes paths."""
