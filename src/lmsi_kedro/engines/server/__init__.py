"""Paths from servers of the OpenAI protocol: `fleet` sends requests, `engine` draws paths."""
