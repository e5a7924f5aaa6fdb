"""Writes the figures of the experiment on SmolLM2 into docs/results/real.json, from finished runs of `controls`.

    python benchmarks/real_figures.py ROOT [ROOT ...] [--forgetting GIVEN WARM TUNED]

A root is the data root of one seed; all have the same held-out questions. GIVEN, WARM and TUNED are data roots of
the pipeline `evaluation` on other questions, for the model as it was given, after the warm start, and after the
round.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import polars as pl
from result import RESULTS

from lmsi_kedro.paper.contrasts import accuracy, answers, gain

MODELS = {
    "given": "given",
    "warm start": "0",
    "vote": "1",
    "random": "random",
    "labeled": "labeled",
    "gold": "gold",
    "untrained vote, equal compute": "untrained",
}
MODES = ("cot_greedy", "self_consistency")
CONTRASTS = {  # before, after
    "vote over warm start": ("warm start", "vote"),
    "vote over random": ("random", "vote"),
    "vote over labeled": ("labeled", "vote"),
    "labeled over warm start": ("warm start", "labeled"),
    "random over warm start": ("warm start", "random"),
    "gold over warm start": ("warm start", "gold"),
}
Figures = dict[str, Any]


def predictions(roots: list[Path], suffix: str) -> pl.DataFrame | None:
    """The predictions of one model in every root that has them; `seed` is the root's number, from 1."""
    tables = [
        pl.read_parquet(path).with_columns(seed=pl.lit(number))
        for number, root in enumerate(roots, 1)
        if (path := root / f"07_evaluation/predictions_{suffix}.parquet").exists()
    ]
    return pl.concat(tables) if tables else None


def measure(roots: list[Path]) -> Figures:
    """Accuracy of every model by mode, contrasts over all seeds that have both, and each seed's headline."""
    tables = {name: predictions(roots, suffix) for name, suffix in MODELS.items()}
    known = {name: table for name, table in tables.items() if table is not None}
    arms = {
        name: {mode: accuracy(rows) for mode in MODES if (rows := answers(table, mode)).height}
        for name, table in known.items()
    }
    contrasts = {}
    for name, (before, after) in CONTRASTS.items():
        if before in known and after in known:
            seeds = known[after]["seed"].unique()
            both = [
                answers(known[each].filter(pl.col("seed").is_in(seeds)), "cot_greedy")
                for each in (before, after)
            ]
            contrasts[name] = gain(*both)
    return {"seeds": len(roots), "arms": arms, "contrasts": contrasts}


def forgetting(given: Path, warm: Path, tuned: Path) -> Figures:
    """CoT greedy of three models on questions of other kinds, and what the round changed."""
    read = {
        name: answers(pl.read_parquet(root / "07_evaluation/predictions_0.parquet"), "cot_greedy")
        for name, root in (("given", given), ("warm start", warm), ("vote", tuned))
    }
    changed = gain(read["warm start"], read["vote"])
    return {
        **{name: accuracy(rows) for name, rows in read.items()},
        "vote over warm start": changed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("roots", nargs="+", type=Path)
    parser.add_argument("--forgetting", nargs=3, type=Path)
    chosen = parser.parse_args()
    path = RESULTS / "real.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored["experiment"] = measure(chosen.roots)
    if chosen.forgetting:
        stored["forgetting"] = forgetting(*chosen.forgetting)
    path.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(stored["experiment"], indent=1))


if __name__ == "__main__":
    main()
