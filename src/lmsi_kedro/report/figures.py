"""The report's figures from metrics.json, as plotly figures without background or text colour.

The page sets those for light and dark; the colours of the data are readable on both.
"""

from itertools import chain
from typing import Any

import plotly.graph_objects as go

from lmsi_kedro.report.words import MODE_NAMES

COLOURS = {"before": "#8b929c", "after": "#2b7de0", "control": "#e08b2d"}
CLEAR = "rgba(0,0,0,0)"

Metrics = dict[str, Any]


def accuracy_figure(metrics: Metrics) -> go.Figure:
    """Accuracy of the base, the tuned and the first control model by task and mode, 95 % intervals."""
    tasks, (arm, *_) = metrics["rounds"][-1]["tasks"], metrics["controls"]
    control = metrics["controls"][arm]["tasks"]
    rows = [(task, mode) for task in tasks for mode in tasks[task]]
    base = [tasks[task][mode]["before"] for task, mode in rows]
    tuned = [tasks[task][mode]["after"] for task, mode in rows]
    controlled = [control[task][mode]["after"] for task, mode in rows]
    figure = go.Figure(
        [
            _gains(rows, base, tuned),
            _accuracies(f"{arm} (control)", rows, controlled, "control", "diamond-open"),
            _accuracies("before", rows, base, "before", "circle"),
            _accuracies("after", rows, tuned, "after", "circle"),
        ]
    )
    figure.update_yaxes(autorange="reversed", dividercolor=CLEAR, showgrid=False)
    figure.update_xaxes(title="accuracy", tickformat=".0%")
    return _plain(figure, height=110 + 34 * len(rows))


def calibration_figure(metrics: Metrics) -> go.Figure:
    """Calibration of the last round and of the base model."""
    return draw_calibration(metrics["rounds"][-1]["calibration"])


def draw_calibration(votes: Metrics) -> go.Figure:
    """Accuracy of the vote by its confidence; on the dotted line they are equal."""
    diagonal = {"x": [0, 1], "y": [0, 1], "mode": "lines", "showlegend": False, "hoverinfo": "skip"}
    figure = go.Figure(go.Scatter(**diagonal, line={"color": COLOURS["before"], "dash": "dot"}))
    for when, found in votes.items():
        if found:
            figure.add_trace(_reliability(when, found))
    figure.update_xaxes(title="confidence of the vote", range=[0, 1.04], tickformat=".0%")
    figure.update_yaxes(title="accuracy", range=[0, 1.04], tickformat=".0%")
    return _plain(figure, height=420)


def curves_figure(metrics: Metrics) -> go.Figure:
    """Paths of the last round and of the base model, in-domain tasks pooled."""
    curves = metrics["rounds"][-1]["curves"]
    return draw_curves(curves["after"]["k"], curves)


def draw_curves(k: list[int], curves: Metrics) -> go.Figure:
    """maj@k and pass@k over k; an empty figure without votes on labeled questions."""
    figure = go.Figure()
    for when, found in curves.items():
        for share, name, dash in (("maj", "maj@k", "solid"), ("pass", "pass@k", "dot")):
            line = {"color": COLOURS[when], "dash": dash}
            figure.add_trace(go.Scatter(name=f"{name} {when}", x=k, y=found[share], line=line))
    doublings = [2**n for n in range(max(k, default=0).bit_length())]
    figure.update_xaxes(title="k, paths per question", type="log", tickvals=doublings)
    figure.update_yaxes(title="accuracy", tickformat=".0%")
    return _plain(figure, height=420)


def _gains(rows: list[tuple[str, str]], base: list[Metrics], tuned: list[Metrics]) -> go.Scatter:
    """The bars between before and after; a None breaks the line between two rows."""
    ends = [(b["accuracy"], t["accuracy"], None) for b, t in zip(base, tuned, strict=True)]
    return go.Scatter(
        x=list(chain.from_iterable(ends)),
        y=_levels([row for row in rows for _ in range(3)]),
        mode="lines",
        line={"color": COLOURS["after"], "width": 6},
        opacity=0.25,
        hoverinfo="skip",
        showlegend=False,
    )


def _accuracies(
    name: str, rows: list[tuple[str, str]], shares: list[Metrics], colour: str, symbol: str
) -> go.Scatter:
    """Markers with intervals; an open marker goes without, so that the control stays in the back."""
    return go.Scatter(
        name=name,
        x=[share["accuracy"] for share in shares],
        y=_levels(rows),
        mode="markers",
        marker={"color": COLOURS[colour], "size": 11, "symbol": symbol},
        error_x={
            "array": [share["high"] - share["accuracy"] for share in shares],
            "arrayminus": [share["accuracy"] - share["low"] for share in shares],
            "color": COLOURS[colour],
            "thickness": 1.2,
            "width": 3,
            "visible": not symbol.endswith("open"),
        },
        customdata=[share["n"] for share in shares],
        hovertemplate="%{x:.1%} of %{customdata} questions",
    )


def _reliability(when: str, found: Metrics) -> go.Scatter:
    bins = found["bins"]
    return go.Scatter(
        name=f"{when} (ECE {found['ece']:.3f})",
        x=[b["confidence"] for b in bins],
        y=[b["accuracy"] for b in bins],
        mode="lines+markers",
        line={"color": COLOURS[when]},
        marker={"size": [6 + 20 * (b["n"] / found["n"]) ** 0.5 for b in bins]},
        error_y={
            "array": [b["accuracy_high"] - b["accuracy"] for b in bins],
            "arrayminus": [b["accuracy"] - b["accuracy_low"] for b in bins],
            "thickness": 1.2,
            "width": 3,
        },
        customdata=[b["n"] for b in bins],
        hovertemplate="%{customdata} questions, confidence %{x:.0%}: %{y:.1%} right",
    )


def _levels(rows: list[tuple[str, str]]) -> list[list[str]]:
    """A two-level axis: the task, and within it the mode."""
    return [[task for task, _ in rows], [MODE_NAMES.get(mode, mode) for _, mode in rows]]


def _plain(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 70, "r": 20, "t": 40, "b": 60},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hovermode="closest",
    )
    figure.update_xaxes(zeroline=False, gridcolor="rgba(128,128,128,0.25)")
    figure.update_yaxes(zeroline=False, gridcolor="rgba(128,128,128,0.25)", automargin=True)
    return figure
