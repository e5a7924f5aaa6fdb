"""The result in words: a claim, its evidence and a verdict. Shared by the page and `lmsi report`.

A verdict is as plain when nothing was gained as when something was. Knows only metrics.json.
"""

from typing import Any

SURE = 0.05


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def points(delta: float) -> str:
    """A difference of shares in points, with its sign; 0.0 has none."""
    rounded = round(100 * delta, 1)
    return f"{rounded:+.1f}".replace("-", "\N{MINUS SIGN}") if rounded else "0.0"


def probability(p: float) -> str:
    """0.012, 3e-5: one significant digit once it is small."""
    return f"{p:.2g}" if p >= 0.001 else f"{p:.0e}".replace("e-0", "e-")


def claim(headline: dict[str, Any]) -> str:
    if not headline["n"]:
        return "Nothing was measured: no held-out question has a label"
    before, after = percent(headline["before"]), percent(headline["after"])
    return f"CoT greedy accuracy on {headline['n']:,} held-out questions: {before} → {after}"


def evidence(headline: dict[str, Any]) -> str:
    if not headline["n"]:
        return "What the votes and the collapse monitor tell without labels is in the report."
    low, high = points(headline["delta_low"]), points(headline["delta_high"])
    return (
        f"{points(headline['delta'])} points "
        f"(95 % interval {low} to {high}, p = {probability(headline['p_value'])})"
    )


def verdict(headline: dict[str, Any]) -> str:
    """What a sceptic may conclude."""
    if not headline["n"]:
        return "No improvement is claimed."
    if headline["p_value"] >= SURE:
        return "No improvement is shown: chance alone explains a difference of this size."
    if headline["delta"] < 0:
        return "The model got worse."
    if headline["beats_controls"]:
        return "The model improved, and training on the same number of random paths does less."
    return (
        "The model improved, but training on the same number of random paths is not shown to do"
        " less: the gain cannot be credited to the vote."
    )


def votes(metrics: dict[str, Any]) -> str:
    """How readable and how unanimous the last round's paths were: known without any label."""
    found = metrics["rounds"][-1]["votes"]
    said = f"{percent(1 - found['unreadable'])} of the sampled paths are readable"
    if found["confidence"] is not None:
        said += f"; on average {percent(found['confidence'])} of a question's paths agree with its winner"
    return f"{said}.{early_stop(metrics)}"


def early_stop(metrics: dict[str, Any]) -> str:
    """What was saved where the vote was decided before all paths were drawn; nothing when that was off."""
    saved = metrics["rounds"][-1]["sampling"].get("early_stop")
    if saved is None:
        return ""
    return (
        f" Early stop at {percent(saved['confidence'])} spared {saved['questions']:,} decided questions"
        f" {saved['paths']:,} paths, about {saved['tokens']:,} tokens; their confidences are in no mean."
    )


def leaks(metrics: dict[str, Any]) -> str:
    """Whether what was taught is in the evaluation too."""
    found = metrics["rounds"][-1]["leaks"]
    return (
        f"{found['exact']} of {found['questions']:,} questions to be taught are word for word in an evaluation"
        f" set, and were left out; {found['overlapping']:,} others share {found['words']} words in a row with"
        " a question there."
    )


def promotion(metrics: dict[str, Any]) -> str:
    """What the collapse monitor decided, and whether it looked at labels."""
    held_back = [entry for entry in metrics["rounds"] if not entry["monitor"]["promoted"]]
    said = [
        f"Round {entry['round']} was not promoted ({'; '.join(entry['monitor']['alarms'])}): its"
        " figures are those of the model before it."
        for entry in held_back
    ]
    if metrics["headline"]["guard"] == "probe":
        said.append("Promotion also looked at the labels of the probe questions (guard=probe).")
    return " ".join(said) or "Every round was promoted; no label was looked at to decide it."


def control(metrics: dict[str, Any]) -> str:
    """How much of the vote's gain in round 1 the random arm may have reached."""
    if not metrics["headline"]["n"]:
        return "Without labels the control arm is not compared."
    measured = (metrics["rounds"][0], metrics["controls"]["random"], metrics["vote_over_random"])
    vote, random, paired = (part["pooled"]["cot_greedy"] for part in measured)
    share = metrics["headline"]["random_upper_share"]
    reached = "" if share is None else f", {100 * max(share, 0):.0f} % of the vote's gain"
    return (
        f"CoT greedy gained {points(vote['delta'])} points with the vote and"
        f" {points(random['delta'])} with random paths (at most {points(random['delta_high'])}"
        f"{reached}). On the same questions the two differ with"
        f" p = {probability(paired['p_value'])}."
    )
