"""Runs the pipeline `methods` on the embedded model with several seeds, and writes docs/results/methods.json.

    python benchmarks/methods_seeds.py FOLDER [SEED ...]

For each seed of sampling, mixing and training, the pipeline runs in its own data root in FOLDER. A run that was
interrupted is resumed. Held-out questions are the same for all seeds; intervals are bootstrapped by question. The
tables of docs/methods.md are printed.
"""

import argparse
import json
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl
from result import RESULTS, ROOT

from lmsi_kedro.paper.contrasts import accuracy, answers, gain
from lmsi_kedro.pipelines.methods.nodes import LEARNED

MODES = {"cot_greedy": "CoT greedy", "self_consistency": "vote of 8", "standard": "direct answers"}
SEEDS = ("paths.sampling.seed", "mixing.seed", "training.seed", "voting.seed")
Figures = dict[str, Any]


def run(seed: int, folder: Path) -> Path:
    """Run the pipeline with a seed and return the data root."""
    root = folder / f"seed_{seed}"
    given = {"data_root": root, **dict.fromkeys(SEEDS, seed)}
    params = ",".join(f"{name}={value}" for name, value in given.items())
    command = ["kedro", "run", "--pipelines=methods", f"--params={params}"]
    with (folder / f"seed_{seed}.log").open("a") as log:
        subprocess.run(command, cwd=ROOT, check=True, stdout=log, stderr=log)
    return root


def read(roots: dict[int, Path], name: str, mode: str) -> pl.DataFrame:
    """Return a table with seed, question_id and value of a model's answers to the tasks that it was trained on."""
    tables = []
    for seed, root in roots.items():
        tasks = json.loads((root / "08_reporting/methods.json").read_text())["in_domain"]
        predictions = pl.read_parquet(root / f"07_evaluation/predictions_{name}.parquet")
        table = answers(predictions, mode, tasks)
        tables.append(table.with_columns(seed=pl.lit(seed)))
    return pl.concat(tables)


def measure(roots: dict[int, Path]) -> Figures:
    """For each mode, compute the accuracies, the differences from sft, and all pairs that differ significantly."""
    found: Figures = {"seeds": list(roots)}
    for mode in MODES:
        tables = {name: read(roots, name, mode) for name in LEARNED}
        models = {name: {"accuracy": accuracy(table)} for name, table in tables.items()}
        for name in tables.keys() - {"sft"}:
            models[name]["over sft"] = gain(tables["sft"], tables[name])
        pairs = {f"{a} over {b}": gain(tables[b], tables[a]) for a, b in combinations(tables, 2)}
        shown = {name: pair for name, pair in pairs.items() if pair["low"] > 0 or pair["high"] < 0}
        found[mode] = {"models": models, "shown": shown}
    return found


def page(found: Figures) -> str:
    """Return the tables in Markdown."""
    lines = [
        f"| method | trains on | {' | '.join(f'{name} | minus sft' for name in MODES.values())} |",
        "|---" * (2 + 2 * len(MODES)) + "|",
    ]
    for name, learns in LEARNED.items():
        cells = []
        for mode in MODES:
            model = found[mode]["models"][name]
            cells.append(f"{100 * model['accuracy']['value']:.1f}")
            cells.append(points(model["over sft"]) if name != "sft" else "")
        lines.append(f"| `{name}` | {learns} | {' | '.join(cells)} |")
    for mode, title in MODES.items():
        shown = found[mode]["shown"].items()
        lines.append(f"\n{title}: " + "; ".join(f"{name} {points(pair)}" for name, pair in shown))
    return "\n".join(lines)


def points(row: Figures) -> str:
    value, low, high = (100 * row[name] for name in ("value", "low", "high"))
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("seeds", nargs="*", type=int, default=[1, 2, 3])
    chosen = parser.parse_args()
    chosen.folder.mkdir(exist_ok=True, parents=True)
    roots = {seed: run(seed, chosen.folder) for seed in chosen.seeds}
    found = measure(roots)
    (RESULTS / "methods.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(page(found))


if __name__ == "__main__":
    main()
