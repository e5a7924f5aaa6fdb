"""The report's figures from metrics.json and the record of the run, as HTML with inline SVG."""

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from lmsi_kedro.report import plot
from lmsi_kedro.report.words import MODE_NAMES, REASONS, percent, points

Metrics = dict[str, Any]


def headline(metrics: Metrics) -> Markup:
    """Draws the pooled CoT greedy accuracy of the base model, the last round and every control arm of round 1."""
    last = metrics["rounds"][-1]["pooled"]["cot_greedy"]
    rows = [("before", "before", last["before"]), ("after", "after", last["after"])]
    rows += [
        ("control", f"control arm {arm}", measured["pooled"]["cot_greedy"]["after"])
        for arm, measured in metrics["controls"].items()
    ]
    shown = [
        Markup(
            '<div class="row"><span>{}</span><svg class="track" role="img"><title>{}</title>{}{}</svg>'
            "<b><strong>{}</strong> <small>{} to {}</small></b></div>"
        ).format(
            name, f"{name}: {interval(share)}", grid(), span(kind, share, "50%"),
            percent(share["accuracy"]), percent(share["low"]), percent(share["high"]),
        )
        for kind, name, share in rows
    ]  # fmt: skip
    return Markup('<div class="headline">{}{}</div>').format(Markup("").join(shown), scale())


def accuracy(metrics: Metrics) -> Markup:
    """Draws a group of rows for each task and for all in-domain tasks; a row is a mode, with the first arm."""
    last, arms = metrics["rounds"][-1], metrics["controls"]
    arm = next(iter(arms), None)
    controls = arms[arm] if arm else {"tasks": {}, "pooled": {}}
    groups = [("in-domain tasks, pooled", last["pooled"], controls["pooled"])]
    groups += [
        (named(task, last["in_domain"]), modes, controls["tasks"].get(task, {}))
        for task, modes in last["tasks"].items()
    ]
    keys = [("before", "before"), ("after", "after")]
    keys += [("control", f"control arm {arm}")] if arm else []
    shown = [group(*found) for found in groups]
    return Markup('<div class="accuracy">{}{}</div>').format(
        plot.legend(keys), Markup("").join(shown)
    )


def named(task: str, in_domain: list[str]) -> str:
    return task if task in in_domain else f"{task}, out of domain"


def group(name: str, modes: Metrics, controls: Metrics) -> Markup:
    """Draws a task's rows above a common scale."""
    rows = [row(name, mode, found, controls.get(mode)) for mode, found in modes.items()]
    return Markup('<section class="group"><h3>{}</h3>{}{}</section>').format(
        name, Markup("").join(rows), scale()
    )


def scale() -> Markup:
    """Draws the scale below the tracks of a group."""
    ticks = Markup("").join(
        Markup('<span style="left:{}%">{}</span>').format(at, at if at < 100 else "100 %")
        for at in range(0, 101, 25)
    )
    return Markup('<div class="scale" aria-hidden="true">{}</div>').format(ticks)


def row(name: str, mode: str, found: Metrics, control: Metrics | None) -> Markup:
    """Draws before, after and control on one track, from 0 to 100 %."""
    before, after = interval(found["before"]), interval(found["after"])
    summary = f"{name}, {MODE_NAMES.get(mode, mode)}: {before} before, {after} after"
    marks = [span("before", found["before"], "32%"), span("after", found["after"], "68%")]
    if control:
        summary += f", {interval(control['after'])} for the control arm"
        marks.insert(0, diamond(control["after"]))
    return Markup(
        '<div class="row"><span>{}</span><svg class="track" role="img"><title>{}</title>{}{}</svg><b>{}</b></div>'
    ).format(
        MODE_NAMES.get(mode, mode), summary, grid(), Markup("").join(marks), points(found["delta"])
    )


def interval(share: Metrics) -> str:
    return f"{percent(share['accuracy'])} ({percent(share['low'])} to {percent(share['high'])})"


def grid() -> Markup:
    line = Markup('<line class="grid" x1="{0}%" x2="{0}%" y1="0" y2="100%"/>')
    return Markup("").join(line.format(at) for at in range(0, 101, 25))


def span(kind: str, share: Metrics, at: str) -> Markup:
    """Draws a dot with its interval at a given height; heights differ, so that before and after do not overlap."""
    low, middle, high = (round(100 * share[name], 2) for name in ("low", "accuracy", "high"))
    return Markup(
        '<line class="whisker {0}" x1="{1}%" x2="{2}%" y1="{3}" y2="{3}"/>'
        '<circle class="dot {0}" cx="{4}%" cy="{3}" r="5"/>'
    ).format(kind, low, high, at, middle)


def diamond(share: Metrics) -> Markup:
    return Markup(
        '<svg x="{}%" y="50%" overflow="visible"><path class="open control" d="M0-6 6 0 0 6-6 0z"/></svg>'
    ).format(round(100 * share["accuracy"], 2))


def calibration(votes: Metrics) -> Markup:
    """Draws the accuracy of the vote by its confidence; on the dotted line, accuracy and confidence are equal."""
    x, y = plot.shares("confidence of the vote"), plot.shares("accuracy")
    marks = [plot.line([(0, 0), (1, 1)], x, y, "grid", dashed=True)]
    found = {when: votes[when] for when in ("before", "after") if votes.get(when)}
    for when, measured in found.items():
        marks += reliability(when, measured, x, y)
    summary = "; ".join(
        f"{when}: " + ", ".join(binned(b) for b in measured["bins"])
        for when, measured in found.items()
    )
    keys = [(when, f"{when} (ECE {measured['ece']:.3f})") for when, measured in found.items()]
    return plot.legend(keys) + plot.plot("Calibration of votes", summary, x, y, marks)


def binned(found: Metrics) -> str:
    confidence, accuracy = percent(found["confidence"]), percent(found["accuracy"])
    return f"{found['n']} questions of confidence {confidence}, {accuracy} right"


def reliability(when: str, found: Metrics, x: plot.Axis, y: plot.Axis) -> Iterator[Markup]:
    yield plot.line([(b["confidence"], b["accuracy"]) for b in found["bins"]], x, y, when)
    for b in found["bins"]:
        yield plot.whisker(b["confidence"], b["accuracy_low"], b["accuracy_high"], x, y, when)
        radius = 3 + 9 * (b["n"] / found["n"]) ** 0.5
        yield plot.dot((b["confidence"], b["accuracy"]), x, y, when, binned(b), radius)


def curves(k: list[int], found: Metrics) -> Markup:
    """Draws maj@k and pass@k over k; the plot is empty without votes on labeled questions."""
    x, y = plot.doublings("k, paths per question", max(k, default=1)), plot.shares("accuracy")
    marks, keys, labels = [], [], []
    for when in ("before", "after"):
        for share, name, dashed in (("maj", "maj@k", False), ("pass", "pass@k", True)):
            ends = list(zip(k, found[when][share], strict=True))
            marks.append(plot.line(ends, x, y, when, dashed))
            marks += [
                plot.dot(at, x, y, when, f"{name} {when}, k = {at[0]}: {percent(at[1])}")
                for at in ends
            ]
            keys.append((f"{when}{' dashed' if dashed else ''}", f"{name} {when}"))
            labels += (
                [f"{name} {when}: {percent(ends[0][1])} at 1, {percent(ends[-1][1])} at {k[-1]}"]
                if k
                else []
            )
    return plot.legend(keys) + plot.plot(
        "Accuracy by number of paths", "; ".join(labels), x, y, marks
    )


def loss(trainings: list[Metrics]) -> Markup:
    """Draws the training loss of every round by step."""
    ends = [list(enumerate(made["losses"], 1)) for made in trainings]
    x = plot.linear("step", max((len(steps) for steps in ends), default=1))
    y = plot.linear("loss", max((value for steps in ends for _, value in steps), default=1))
    kinds = ["after" if place == len(ends) - 1 else "before" for place in range(len(ends))]
    marks = [plot.line(steps, x, y, kind) for steps, kind in zip(ends, kinds, strict=True)]
    labels = [
        f"round {made['round']}: {steps[0][1]:.3f} to {steps[-1][1]:.3f} in {len(steps)} steps"
        for made, steps in zip(trainings, ends, strict=True)
    ]
    keys = list(zip(kinds, labels, strict=True))
    return plot.legend(keys) + plot.plot("Training loss", "; ".join(labels), x, y, marks)


def funnel(counts: Metrics) -> Markup:
    """Draws a bar of all rows, divided into one part for each reason."""
    parts = [(name, counts[reason]) for reason, name in REASONS.items() if counts.get(reason)]
    cells = [
        Markup('<span class="part {}" style="flex-grow:{}" title="{}"></span>').format(
            reason.replace(" ", "-"), count, f"{reason}: {count:,}"
        )
        for reason, count in parts
    ]
    summary = ", ".join(f"{count:,} {reason}" for reason, count in parts)
    return Markup('<div class="funnel" role="img" aria-label="{}">{}</div>').format(
        summary, Markup("").join(cells)
    )
