"""The output at the end of a run: the result in words, the paths of report and model, and how to load it."""

from pathlib import Path
from typing import Any

from lmsi_kedro.report import words

Metrics = dict[str, Any]


def ending(metrics: Metrics, page: Path, model: Path) -> str:
    """Returns claim, evidence, verdict, what got worse, the report, the model and the two lines that load it.

    page: report.html; model: the directory of the last round's model.
    """
    headline = metrics["headline"]
    lines = [words.claim(headline), words.warm_start(metrics), words.promotion(metrics)]
    lines += [words.evidence(headline), words.verdict(headline)]
    lines += [*words.controls(metrics), words.votes(metrics)]
    return "\n".join(
        [*filter(None, lines), worse(metrics), f"report  {near(page)}", model_lines(model)]
    )


def worse(metrics: Metrics) -> str:
    """Returns one line that says what got worse, if anything did."""
    if not metrics["headline"]["n"]:
        return "Whether anything got worse was not measured."
    if lost := words.losses(metrics):
        return f"Worse: {'; '.join(lost)}."
    return "Nothing got worse beyond chance."


def model_lines(model: Path) -> str:
    """Returns the path of a model, and the two lines that load it."""
    lines = loading(str(near(model))).splitlines()
    return "\n  ".join([f"model   {near(model)}", *lines])


def loading(model: str) -> str:
    """Returns two lines of Python that load a model directory, or a model of the hub."""
    return f'from transformers import pipeline\ngenerate = pipeline("text-generation", "{model}")'


def near(path: Path) -> Path:
    """Returns the path, relative if it is in the working directory."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
