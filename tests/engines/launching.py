"""Plans whose paths come from launched servers: stand-ins for vLLM and for llama.cpp."""

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import psutil

from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, LaunchParams
from lmsi_kedro.params.servers import COMMANDS
from tests.engines.served import DIGEST, PROMPTS, SAMPLING

ROOT = Path(__file__).parents[2]
STAND_IN = f"{sys.executable} -m tests.engines.vllm_stand_in"
VLLM = COMMANDS["vllm"].replace("vllm", STAND_IN, 1)
LLAMA = COMMANDS["llama.cpp"].replace(
    "llama-server", f"{sys.executable} -m tests.engines.llama_stand_in"
)
MODEL = ROOT / "data/06_models/base_small"  # for the stand-in of llama.cpp's server


def engine(folder: Path, workers: int = 1, **changed: Any) -> EngineParams:
    """Engine parameters with the logs in this folder; `changed` are fields of LaunchParams."""
    given = {"server": VLLM, "folder": str(folder), "start_seconds": 300, "concurrency": 4}
    launch = LaunchParams.model_validate(given | changed)
    return EngineParams(
        executor="launch", ray_address=None, workers=workers, dtype="bfloat16", paths_per_chunk=8, rows=8,
        chat="auto", trust_remote_code=False, skip_too_long=False, launch=launch,
    )  # fmt: skip


def plan(
    tokenizer: Path,
    folder: Path,
    options: str = "",
    workers: int = 1,
    m: int = 4,
    **changed: Any,
) -> Plan:
    """Plan m paths of each question; the model is copied into the folder."""
    model = folder / "model"
    shutil.copytree(tokenizer, model, dirs_exist_ok=True)
    made = Plan(model, DIGEST, engine(folder, workers, options=options, **changed))
    made.add(PROMPTS, range(m), SAMPLING, {"exemplar_set": "none"})
    return made


def logs(folder: Path) -> list[str]:
    """The output of each server of a plan."""
    return [log.read_text() for log in sorted((folder / DIGEST[:12]).glob("*.log"))]


def alive(folder: Path) -> list[psutil.Process]:
    """The running processes among those whose ids the servers printed."""
    found = [
        int(pid)
        for log in logs(folder)
        for pids in re.findall(r"^processes (\d+) (\d+)", log, re.MULTILINE)
        for pid in pids
    ]
    return [psutil.Process(pid) for pid in found if psutil.pid_exists(pid)]
