"""The result in words: a claim, its evidence and a verdict. Shared by the page and `lmsi report`.

A verdict is as plain when nothing was gained as when something was. Knows only the headline.
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
    """0.012, 3e-15: one significant digit once it is small."""
    return f"{p:.2g}" if p >= 0.001 else f"{p:.0e}"


def claim(headline: dict[str, Any]) -> str:
    before, after = percent(headline["before"]), percent(headline["after"])
    return f"CoT greedy accuracy on {headline['n']:,} held-out questions: {before} → {after}"


def evidence(headline: dict[str, Any]) -> str:
    low, high = points(headline["delta_low"]), points(headline["delta_high"])
    return (
        f"{points(headline['delta'])} points "
        f"(95 % interval {low} to {high}, p = {probability(headline['p_value'])})"
    )


def verdict(headline: dict[str, Any]) -> str:
    """What a sceptic may conclude."""
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


def control(headline: dict[str, Any]) -> str:
    """How much of the vote's gain the random arm may have reached."""
    p = probability(headline["vote_over_random_p_value"])
    paired = f"Vote against random on the same questions: p = {p}."
    share = headline["random_upper_share"]
    if share is None:
        return f"The vote gained nothing that a control could reach. {paired}"
    return (
        f"The random arm gained {points(headline['random_delta'])} points; the upper 95 % bound of"
        f" its gain is {100 * max(share, 0):.0f} % of the vote's. {paired}"
    )
