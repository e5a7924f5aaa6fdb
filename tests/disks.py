"""A small file system in memory, on which tests cause disk faults."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Small:
    """A file system in memory that can be filled, enlarged and made read-only."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def mount(self, options: str) -> None:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.path],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", self.path], check=True)

    @contextmanager
    def mounted(self, options: str) -> Iterator["Small"]:
        self.mount(options)
        try:
            yield self
        finally:
            subprocess.run(["umount", "--lazy", self.path], check=True)
