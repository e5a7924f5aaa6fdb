"""Paths from OpenAI-compatible servers: `fleet` sends requests, `reply` reads answers, `engine` draws paths."""
