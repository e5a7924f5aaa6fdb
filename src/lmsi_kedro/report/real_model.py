"""The findings of the paper on a real model: SmolLM2 on public questions (docs/experiments/real.md)."""

import json
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_suffix(".json")  # written by benchmarks/real_figures.py


def on_real_model() -> dict[str, dict[str, Any]]:
    """Returns the findings that the experiment tests, keyed by their sentence."""
    return {found["finding"]: found for found in json.loads(PATH.read_text(encoding="utf-8"))}
