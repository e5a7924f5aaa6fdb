"""Kills nodes of a Ray cluster on this machine."""

import time
from typing import Any

import psutil


def kill_at_work(cluster: Any, node: Any) -> bool:
    """Kill a node by SIGKILL if one of its workers is computing a chunk; return whether it was killed."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    deadline = time.monotonic() + 1
    while not (at_work := [p for p in raylet.children() if "ray::sample" in " ".join(p.cmdline())]):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    cluster.remove_node(node, allow_graceful=False)
    psutil.wait_procs([raylet, *at_work], timeout=30)
    assert not [p for p in (raylet, *at_work) if p.is_running() and p.status() != "zombie"]
    return True
