"""Runs Math-Verify in processes that are killed when a text takes too long.

Math-Verify may take minutes for some expressions, and its own timeout works in the main thread only.
"""

import multiprocessing
import queue
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Literal

TIMEOUT: Literal["timeout"] = "timeout"
LETTERS = tuple("ABCDEFGHIJ")


def serve(connection: Connection, letters: bool) -> None:
    """Runs in the worker process: parses texts until the connection closes."""
    import logging

    from math_verify import StringExtractionConfig, parse

    logging.disable(logging.CRITICAL)
    wanted = {"extraction_config": [StringExtractionConfig(strings=LETTERS)]} if letters else {}
    while True:
        try:
            found = parse(connection.recv(), parsing_timeout=None, **wanted)
        except EOFError:
            return
        except Exception:  # any error means that the text is unparsable
            found = []
        connection.send(str(found[-1]) if found else None)


class Worker:
    """A process that parses texts; after it was killed, the next text starts a new one."""

    def __init__(self, letters: bool, timeout: float) -> None:
        self.letters, self.timeout = letters, timeout
        self.process: BaseProcess | None = None

    def read(self, text: str) -> str | None:
        """Returns the extracted answer, None if there is none, or TIMEOUT."""
        if self.process is None:
            self.start()
        try:
            self.connection.send(text)
            if self.connection.poll(self.timeout):
                found: str | None = self.connection.recv()
                return found
        except (EOFError, OSError):  # the text crashed the process: out of memory, a recursion in C
            pass
        self.stop()
        return TIMEOUT

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, self.letters), daemon=True)
        self.process.start()
        theirs.close()
        # The imports take seconds, which must not count towards the time limit of a text.
        self.connection.send("$1$")
        self.connection.recv()

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.join()
            self.connection.close()
        self.process = None


def read_all(texts: Sequence[str], letters: bool, workers: int, timeout: float) -> list[str | None]:
    """Returns the answers that Math-Verify extracts, in the order of the texts."""
    free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    pool = [Worker(letters, timeout) for _ in range(workers)]
    for worker in pool:
        free.put(worker)

    def read(text: str) -> str | None:
        worker = free.get()
        try:
            return worker.read(text)
        finally:
            free.put(worker)

    try:
        with ThreadPoolExecutor(workers) as threads:
            return list(threads.map(read, texts))
    finally:
        for worker in pool:
            worker.stop()
