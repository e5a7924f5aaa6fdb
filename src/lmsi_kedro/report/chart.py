"""The accuracies as plotly JSON, which Kedro-Viz displays."""

from typing import Any

from lmsi_kedro.report.words import MODE_NAMES

COLOURS = {"before": "#8b929c", "after": "#2b7de0"}


def chart_accuracy(metrics: dict[str, Any]) -> dict[str, Any]:
    """Draws the accuracies before and after for every task and mode, with 95 % intervals; empty without labels."""
    rows = [
        (f"{task}, {MODE_NAMES.get(mode, mode)}", row)
        for task, modes in metrics["rounds"][-1]["tasks"].items()
        for mode, row in modes.items()
    ]
    layout = {
        "height": 120 + 24 * len(rows),
        "margin": {"l": 240, "t": 20},
        "xaxis": {"tickformat": ".0%", "range": [0, 1], "title": {"text": "accuracy"}},
        "yaxis": {"autorange": "reversed"},
    }
    return {"data": [trace(when, rows) for when in COLOURS], "layout": layout}


def trace(when: str, rows: list[tuple[str, Any]]) -> dict[str, Any]:
    shares = [row[when] for _, row in rows]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": when,
        "marker": {"color": COLOURS[when], "size": 9},
        "y": [name for name, _ in rows],
        "x": [share["accuracy"] for share in shares],
        "error_x": {
            "array": [share["high"] - share["accuracy"] for share in shares],
            "arrayminus": [share["accuracy"] - share["low"] for share in shares],
            "color": COLOURS[when],
        },
    }
