"""A synthetic headroom.json."""

from typing import Any

SHARE = {"accuracy": 0.5, "low": 0.4, "high": 0.6, "n": 60}
ROW = {
    "threshold": 0.6, "n": 60, "kept": 0.75, "greedy": SHARE, "vote": SHARE | {"accuracy": 0.554},
    "delta": 0.054, "delta_low": 0.013, "delta_high": 0.095, "p_value": 0.012, "wrong_to_right": 5,
    "right_to_wrong": 1, "gain": 0.041, "gain_low": 0.01, "gain_high": 0.072, "shown": True,
}  # fmt: skip
FIGURES: dict[str, Any] = {
    "questions": 1500,
    "greedy": {"questions": 500, "differ": 0.17, "greedy_unparsable": 0.0, "vote_abstains": 0.02},
    "confidence": [{"least": least, "questions": 1000} for least in (0.0, 0.2)],
    "stability": {"questions": 490, "half": 0.9, "halves": 0.8},
    "exemplar_sets": None,
    "unparsable": 0.04,
}
UNLABELED = {"m": 16, "unlabeled": {"pooled": FIGURES, "tasks": {"sums": FIGURES}}, "probe": None}


def probed(**changed: Any) -> dict[str, Any]:
    row = ROW | changed
    expected = {"value": 0.06, "low": -0.01, "high": 0.13, "settings": 14}
    probe = {"questions": 80, "vote_abstains": 2, "thresholds": [row], "best": row}
    return UNLABELED | {"probe": probe | {"expected": expected}}
