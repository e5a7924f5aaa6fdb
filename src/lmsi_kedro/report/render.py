"""Renders the report as one HTML page that needs no network and runs only its own script."""

import base64
import gzip
import hashlib
from pathlib import Path
from typing import Any

import polars as pl
from markupsafe import Markup

from lmsi_kedro.printable import printable
from lmsi_kedro.report import figures, findings, record, words
from lmsi_kedro.report import headroom as headroom_words
from lmsi_kedro.report.real_model import on_real_model

FOLDER = Path(__file__).parent


def render(
    metrics: dict[str, Any],
    questions: pl.DataFrame,
    run: dict[str, Any],
    headroom: dict[str, Any] | None = None,
) -> str:
    """Renders the page; every text from models and files is escaped.

    questions: those of `gather_questions`. run: the record of the run. headroom: only if the run measured it.
    """
    script = (FOLDER / "questions.js").read_text(encoding="utf-8")
    return fill(
        "report.html.j2",
        metrics=metrics,
        figure=draw_figures(metrics, run),
        questions=questions.height,
        packed=packed(questions.write_json()),
        script=Markup(script),  # noqa: S704  # a file of this package
        policy=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        run=run,
        headroom=headroom,
    )


def render_reproduction(reproduction: dict[str, Any]) -> str:
    """Renders the page that compares the paper's tables and figures with ours."""
    shown = reproduction["figures"]
    rendered = {
        "curves": figures.curves(shown["paths"]["k"], shown["paths"]["curves"]),
        "calibration": figures.calibration(shown["calibration"]["votes"]),
    }
    real = on_real_model()
    return fill("reproduction.html.j2", reproduction=reproduction, figure=rendered, real=real)


def draw_figures(metrics: dict[str, Any], run: dict[str, Any]) -> dict[str, Markup]:
    """Returns the figures by name."""
    last, made = metrics["rounds"][-1], {}
    if metrics["headline"]["n"]:
        made["accuracy"] = figures.accuracy(metrics)
    if any(last["calibration"].values()):
        made["calibration"] = figures.calibration(last["calibration"])
    if last["curves"]["after"]["questions"]:
        made["curves"] = figures.curves(last["curves"]["after"]["k"], last["curves"])
    if trainings := [found for found in run["trainings"] if found.get("losses")]:
        made["loss"] = figures.loss(trainings)
    return made


def fill(template: str, **shown: Any) -> str:
    """Renders a template with these values."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        finalize=lambda shown: printable(shown) if type(shown) is str else shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": words.percent,
        "points": words.points,
        "probability": words.probability,
        "mode": named,
    }
    modules = {"words": words, "findings": findings, "record": record, "figures": figures}
    page = environment.get_template(template)
    return page.render(headroom_words=headroom_words, **modules, **shown)


def named(mode: str) -> str:
    return words.MODE_NAMES.get(mode, mode)


def packed(text: str) -> str:
    """Compresses text to gzip in base64, which needs no escaping in HTML. The same text gives the same bytes."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()
