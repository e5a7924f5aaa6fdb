"""Sampling from OpenAI-compatible servers: `fleet` sends requests, `reply` parses replies, `engine` samples."""
