"""Draws docs/headroom.svg: the gain of each round against the gain of the vote before training.

The figures are those of docs/results/headroom.json.

python benchmarks/headroom_figure.py
"""

import json
from html import escape
from math import ceil, floor
from typing import Any

from result import RESULTS, ROOT

WIDTH, HEIGHT, LEFT, BOTTOM, MARGIN = 720, 460, 70, 50, 20
STYLE = (
    "text{font:13px sans-serif;fill:#333}.grid{stroke:#ddd}.zero{stroke:#888}.line{stroke:#555;stroke-width:2}"
    ".band{fill:#888;opacity:.15}.embedded{fill:#2b6cb0;stroke:#2b6cb0}.real{fill:#c05621;stroke:#c05621}.fresh{fill:#fff;stroke-width:2}"
)


class Plane:
    """Converts gains to positions in the picture; its axes cover all intervals."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        def bounds(names: list[str]) -> tuple[float, float]:
            values = [row[name] for row in rows for name in names]
            return floor(10 * min(values)) / 10, ceil(10 * max(values)) / 10

        self.x, self.y = bounds(["vote_low", "vote_high"]), bounds(["gain_low", "gain_high"])

    def across(self, value: float) -> float:
        low, high = self.x
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - MARGIN)

    def down(self, value: float) -> float:
        low, high = self.y
        return MARGIN + (high - value) / (high - low) * (HEIGHT - BOTTOM - MARGIN)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def tenths(ends: tuple[float, float]) -> list[float]:
    return [n / 10 for n in range(round(10 * ends[0]), round(10 * ends[1]) + 1)]


def axes(plane: Plane) -> list[str]:
    floor_, right, top = HEIGHT - BOTTOM, WIDTH - MARGIN, MARGIN
    parts = []
    for share in tenths(plane.x):
        at, kind = plane.across(share), "grid" if share else "zero"
        parts += [line(at, top, at, floor_, kind), text(at, floor_ + 18, f"{100 * share:+.0f}")]
    for share in tenths(plane.y):
        at, kind = plane.down(share), "grid" if share else "zero"
        parts += [
            line(LEFT, at, right, at, kind),
            text(LEFT - 8, at + 4, f"{100 * share:+.0f}", "end"),
        ]
    parts.append(
        text(
            (LEFT + right) / 2,
            HEIGHT - 10,
            "gain of the vote over greedy paths before training (probe questions), points",
        )
    )
    parts.append(text(8, 14, "gain in CoT greedy after one round, points", "start"))
    return parts


def fitted(plane: Plane, fit: dict[str, Any]) -> list[str]:
    """Draw the fitted line and the spread of the settings around it."""
    ends = [(x, fit["slope"] * x) for x in plane.x]
    places = [(plane.across(x), y) for x, y in ends]
    spread = 1.96 * fit["spread"]
    corners = [(x, plane.down(y + spread)) for x, y in places] + [
        (x, plane.down(y - spread)) for x, y in reversed(places)
    ]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    (x1, y1), (x2, y2) = places
    return [
        f'<polygon class="band" points="{points}"/>',
        line(x1, plane.down(y1), x2, plane.down(y2), "line"),
    ]


def mark(plane: Plane, row: dict[str, Any], extra: str = "") -> list[str]:
    """Draw a setting as a dot with the intervals of both gains; `extra` is an additional CSS class of the dot."""
    kind = "real" if row["name"].startswith("SmolLM2") else "embedded"
    x, y = plane.across(row["vote"]), plane.down(row["gain"])
    name = f"{row['name']}: vote {100 * row['vote']:+.1f}, gain {100 * row['gain']:+.1f}"
    return [
        line(plane.across(row["vote_low"]), y, plane.across(row["vote_high"]), y, kind),
        line(x, plane.down(row["gain_low"]), x, plane.down(row["gain_high"]), kind),
        f'<circle class="{kind} {extra}" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{escape(name)}</title></circle>',
    ]


def main() -> None:
    found = json.loads((RESULTS / "headroom.json").read_text(encoding="utf-8"))
    fresh = found["fresh"]["settings"]
    plane = Plane(found["settings"] + fresh)
    plot = f'x="{LEFT}" y="{MARGIN}" width="{WIDTH - LEFT - MARGIN}" height="{HEIGHT - BOTTOM - MARGIN}"'
    clip = f'<clipPath id="plane"><rect {plot}/></clipPath>'
    marks = [part for row in found["settings"] for part in mark(plane, row)]
    marks += [part for row in fresh for part in mark(plane, row, "fresh")]
    legend = [
        f'<circle class="{kind}" cx="{LEFT + 20}" cy="{y}" r="5"/>'
        + text(LEFT + 32, y + 4, name, "start")
        for kind, name, y in (
            ("embedded", "embedded model", 40),
            ("real", "SmolLM2-135M-Instruct", 60),
            ("embedded fresh", "embedded model, further settings to test the fitted line", 80),
        )
    ]
    inside = "\n".join([*fitted(plane, found["fit"]), *marks])
    parts = [
        f"<style>{STYLE}</style>",
        clip,
        '<rect width="100%" height="100%" fill="#fff"/>',
        *axes(plane),
    ]
    parts += [f'<g clip-path="url(#plane)">{inside}</g>', *legend]
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
    path = ROOT / "docs/headroom.svg"
    path.write_text(svg + "\n".join(parts) + "\n</svg>\n", encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
