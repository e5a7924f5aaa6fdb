"""`benchmarks/gpu.py --quick` runs every section without Kedro, as on GPU machines, and its checks pass."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "benchmarks/gpu.py"
WITHOUT_KEDRO = """
import os, runpy, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0].startswith("kedro"):
            raise ImportError(f"{name} is not here")
sys.meta_path.insert(0, Blocked())
sys.argv = [sys.argv[1], "--quick"]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_every_section_runs_without_kedro() -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", WITHOUT_KEDRO, str(SCRIPT)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    table = done.stdout.partition("|---|---|---|---|")[2]
    parts = [
        "votes of",
        "tokens of",
        "sampler",
        "attention of",
        "steps in",
        "HF generate",
        "training",
        "against the CPU",
    ]
    assert [part for part in parts if part not in table] == []
    assert "| NO |" not in table
    assert table.count("| yes |") == 16
