"""Fills the template: one HTML page that needs no network, with plotly.js inlined once."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from lmsi_kedro.printable import printable
from lmsi_kedro.report import headroom as headroom_words
from lmsi_kedro.report import words
from lmsi_kedro.report.words import MODE_NAMES


def render(
    metrics: Mapping[str, Any],
    figures: Mapping[str, go.Figure],
    examples: list[dict[str, Any]],
    provenance: Mapping[str, Any],
    headroom: dict[str, Any] | None = None,
) -> str:
    """The page; every text from models and files is escaped. headroom: of a run that measured it."""
    return fill(
        "report.html.j2",
        figures,
        metrics=metrics,
        words=words,
        examples=examples,
        provenance=dict(leaves(provenance)),
        headroom=headroom,
        headroom_words=headroom_words,
    )


def render_reproduction(reproduction: Mapping[str, Any], figures: Mapping[str, go.Figure]) -> str:
    """The paper's tables and figures beside ours."""
    return fill("reproduction.html.j2", figures, words=words, reproduction=reproduction)


def fill(template: str, figures: Mapping[str, go.Figure], **shown: Any) -> str:
    """A template with its figures, and with plotly.js to draw them."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from plotly.offline import get_plotlyjs

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
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
        "answer": answer,
        "mode": lambda mode: MODE_NAMES.get(mode, mode),
    }
    drawn = {name: figure.to_plotly_json() for name, figure in figures.items()}
    page = environment.get_template(template)
    return page.render(figures=drawn, plotly_js=get_plotlyjs(), **shown)


def answer(key: str | None) -> str:
    """A key as a reader wants it: `37/2` of `num:37/2`."""
    return "no answer" if key is None else key.partition(":")[2]


def leaves(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """('sampling.m', 8), ... of nested settings."""
    for name, value in nested.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
