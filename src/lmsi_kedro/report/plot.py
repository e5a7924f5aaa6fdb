"""Small SVG plots without a script: positions are in percent and text in pixels, so that they fit any width.

Colours are the classes before, after and control of report.css, for light and dark mode. Each plot has a title and
a description for screen readers; a mark's own title is shown as a tooltip.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import floor, log2, log10

from markupsafe import Markup

Point = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """An axis: its ends and its ticks, as values with labels."""

    title: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    scale: Callable[[float], float] = float

    def place(self, value: float) -> float:
        """Returns the position of a value from low to high, in percent."""
        low, high = self.scale(self.low), self.scale(self.high)
        share = (self.scale(value) - low) / (high - low) if high > low else 0.5
        return round(100 * share, 2)


def shares(title: str) -> Axis:
    """Returns an axis from 0 to 100 %."""
    return Axis(title, 0, 1, [(n / 4, f"{25 * n} %") for n in range(5)])


def doublings(title: str, highest: int) -> Axis:
    """Returns a logarithmic axis from 1."""
    powers = [2**n for n in range(max(highest, 2).bit_length())]
    return Axis(title, 1, max(highest, 2), [(k, str(k)) for k in powers if k <= highest], log2)


def linear(title: str, highest: float, ticks: int = 4) -> Axis:
    """Returns an axis from 0 to the highest value, with round steps."""
    end = max(highest, 1e-9)
    step = round_step(end / ticks)
    places = [step * n for n in range(floor(end / step) + 1)]
    return Axis(title, 0, end, [(place, f"{place:,.10g}") for place in places])


def round_step(least: float) -> float:
    """Returns the smallest step of at least `least` that is 1, 2 or 5 times a power of ten."""
    power = 10.0 ** floor(log10(least))
    return next(power * n for n in (1, 2, 5, 10) if power * n >= least * 0.999)


def plot(title: str, summary: str, x: Axis, y: Axis, marks: Iterable[Markup]) -> Markup:
    """Draws axes with a grid and marks."""
    down = [(100 - y.place(value), label) for value, label in y.ticks]
    across = [(x.place(value), label) for value, label in x.ticks]
    grid = [
        Markup('<line class="grid" x1="0" x2="100%" y1="{0}%" y2="{0}%"/>').format(at)
        for at, _ in down
    ]
    labels = [
        Markup('<text x="-8" y="{}%" dy=".35em" text-anchor="end">{}</text>').format(at, label)
        for at, label in down
    ]
    labels += [
        Markup('<text x="{}%" y="100%" dy="1.5em" text-anchor="middle">{}</text>').format(at, label)
        for at, label in across
    ]
    labels.append(
        Markup(
            '<text class="axis" x="50%" y="100%" dy="3em" text-anchor="middle">{}</text>'
        ).format(x.title)
    )
    labels.append(
        Markup('<text class="axis" x="-40" y="-14" text-anchor="start">{}</text>').format(y.title)
    )
    return Markup(
        '<svg class="plot" role="img"><title>{}</title><desc>{}</desc>{}{}{}</svg>'
    ).format(title, summary, *(Markup("").join(part) for part in (grid, labels, marks)))


def line(points: Sequence[Point], x: Axis, y: Axis, kind: str, dashed: bool = False) -> Markup:
    """Draws a polyline through the points."""
    path = " ".join(f"{x.place(a)},{100 - y.place(b)}" for a, b in points)
    return Markup(
        '<svg viewBox="0 0 100 100" width="100%" height="100%" preserveAspectRatio="none">'
        '<polyline class="line {}{}" points="{}"/></svg>'
    ).format(kind, " dashed" if dashed else "", path)


def dot(point: Point, x: Axis, y: Axis, kind: str, title: str, radius: float = 4) -> Markup:
    return Markup(
        '<circle class="dot {}" cx="{}%" cy="{}%" r="{}"><title>{}</title></circle>'
    ).format(kind, x.place(point[0]), 100 - y.place(point[1]), round(radius, 1), title)


def whisker(at: float, low: float, high: float, x: Axis, y: Axis, kind: str) -> Markup:
    """Draws a vertical interval."""
    return Markup('<line class="whisker {0}" x1="{1}%" x2="{1}%" y1="{2}%" y2="{3}%"/>').format(
        kind, x.place(at), 100 - y.place(low), 100 - y.place(high)
    )


def legend(entries: Iterable[tuple[str, str]]) -> Markup:
    """Draws names next to samples of their colours."""
    keys = [Markup('<span><i class="key {}"></i>{}</span>').format(*entry) for entry in entries]
    return Markup('<p class="legend">{}</p>').format(Markup(" ").join(keys))
