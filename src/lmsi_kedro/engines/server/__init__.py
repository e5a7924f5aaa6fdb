"""Paths from servers of the OpenAI protocol: `fleet` asks, `engine` draws paths, `executor` runs chunks."""

from lmsi_kedro.engines.server.executor import Servers

__all__ = ["Servers"]
