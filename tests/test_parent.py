"""A process follows its parent into the end, a kill included."""

import signal
import subprocess
import sys
import time

import psutil

CHILD = "import sys, time; from lmsi_kedro.parent import end_with; end_with(int(sys.argv[1])); time.sleep(60)"
PARENT = """
import os, subprocess, sys
print(subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid())]).pid, flush=True)
sys.stdin.read()
"""


def test_a_killed_parent_takes_its_child_along():
    command = [sys.executable, "-c", PARENT, CHILD]
    parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(parent.stdout.readline()))
    time.sleep(0.5)
    assert child.is_running()
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    child.wait(timeout=30)
    assert not child.is_running()
