"""Writes the figures of the experiment on SmolLM2 to docs/results/real.json, from finished runs of `controls`.

    python benchmarks/real_figures.py SEED=ROOT [SEED=ROOT ...] [--forgetting GIVEN WARM TUNED]

ROOT is the data root of one seed; all seeds have the same held-out questions. For each model, the file also
contains a string with one character per question (1 for a right answer), so that seeds that ran on different days
can be compared. GIVEN, WARM and TUNED are data roots of the pipeline `evaluation` on other questions: for the
model without training, after the warm start, and after the round. The findings of the paper that this experiment
tests are written to src/lmsi_kedro/report/real_model.json, for the reproduction page.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import polars as pl
from result import RESULTS

from lmsi_kedro.paper import findings
from lmsi_kedro.paper.contrasts import accuracy, answers, gain
from lmsi_kedro.pipelines.reproduction.nodes import curve_of_questions
from lmsi_kedro.report import real_model
from lmsi_kedro.tasks import Tasks

MODELS = {
    "given": "given",
    "warm start": "0",
    "vote": "1",
    "random": "random",
    "labeled": "labeled",
    "gold": "gold",
    "untrained vote, equal compute": "untrained",
}
CURVES = {"before": "0", "after_0": "1"}
MODES = ("cot_greedy", "self_consistency")
CONTRASTS = {  # name: (model before, model after), compared in CoT greedy
    "vote over warm start": ("warm start", "vote"),
    "vote over random": ("random", "vote"),
    "vote over labeled": ("labeled", "vote"),
    "labeled over warm start": ("warm start", "labeled"),
    "random over warm start": ("warm start", "random"),
    "gold over warm start": ("warm start", "gold"),
    "vote over gold": ("gold", "vote"),
}
Figures = dict[str, Any]


def marks(root: Path) -> dict[str, dict[str, str]]:
    """Return a string for each model and mode, ordered by question id: 1 for a right answer, 0 for a wrong one."""
    made: dict[str, dict[str, str]] = {}
    for name, suffix in MODELS.items():
        path = root / f"07_evaluation/predictions_{suffix}.parquet"
        if not path.exists():
            continue
        table = pl.read_parquet(path).sort("question_id")
        for mode in MODES:
            right = table.filter(mode=mode)["correct"]
            if right.len():
                made.setdefault(name, {})[mode] = "".join(str(int(each)) for each in right)
    return made


def rows(seeds: Figures, model: str, mode: str) -> pl.DataFrame:
    """Return a table of a model's answers over all seeds; question_id is the position in the string of a seed."""
    tables = [
        pl.DataFrame({"value": [float(mark) for mark in found[model][mode]]})
        .with_row_index("place")
        .select(
            pl.lit(int(seed)).alias("seed"), pl.format("q{}", "place").alias("question_id"), "value"
        )
        for seed, found in seeds.items()
        if mode in found.get(model, {})
    ]
    return pl.concat(tables) if tables else pl.DataFrame()


def measure(seeds: Figures) -> Figures:
    """Compute the accuracies of all models by mode, and the contrasts over the seeds that have both models."""
    arms: Figures = {}
    for name in MODELS:
        for mode in MODES:
            if (table := rows(seeds, name, mode)).height:
                arms.setdefault(name, {})[mode] = accuracy(table)
    contrasts = {}
    for name, (before, after) in CONTRASTS.items():
        both = {seed: found for seed, found in seeds.items() if before in found and after in found}
        if both:
            contrasts[name] = gain(*(rows(both, each, "cot_greedy") for each in (before, after)))
    return {"arms": arms, "contrasts": contrasts}


def decided(roots: dict[int, Path]) -> list[Figures]:
    """Decide the findings that the experiment tests; the base model is the model after the warm start."""
    models = {}
    for name, suffix in {"base": "0", "vote": "1", "random": "random", "gold": "gold"}.items():
        tables = [
            pl.read_parquet(path).with_columns(seed=pl.lit(seed))
            for seed, root in roots.items()
            if (path := root / f"07_evaluation/predictions_{suffix}.parquet").exists()
        ]
        if tables:
            models[name] = pl.concat(tables)
    tasks = models["base"]["task"].unique(maintain_order=True).to_list()
    made = findings.of_training(models, tasks, ()) + findings.of_controls(models, tasks)
    made += findings.of_paths({name: curve(roots, suffix) for name, suffix in CURVES.items()})
    return [*made, *findings.of_calibration(models, tasks)]


def curve(roots: dict[int, Path], suffix: str) -> pl.DataFrame:
    """Return maj@k and pass@k of each question in the first seed, which is the only one with votes."""
    seed, root = next(iter(roots.items()))
    tables = root / "02_intermediate"
    labels, questions = (
        pl.read_parquet(tables / f"{name}.parquet") for name in ("labels", "questions")
    )
    tasks = Tasks.model_validate_json((tables / "tasks.json").read_text(encoding="utf-8"))
    readings = pl.read_parquet(root / f"07_evaluation/readings_{suffix}.parquet")
    return curve_of_questions(readings, labels, questions, tasks, seed)


def forgetting(given: Path, warm: Path, tuned: Path) -> Figures:
    """Return the CoT greedy accuracy of three models on other kinds of questions, and how training changed it."""
    read = {
        name: answers(pl.read_parquet(root / "07_evaluation/predictions_0.parquet"), "cot_greedy")
        for name, root in (("given", given), ("warm start", warm), ("vote", tuned))
    }
    found: Figures = {name: accuracy(table) for name, table in read.items()}
    found["warm start over given"] = gain(read["given"], read["warm start"])
    found["vote over warm start"] = gain(read["warm start"], read["vote"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="*", help="SEED=ROOT")
    parser.add_argument("--forgetting", nargs=3, type=Path)
    chosen = parser.parse_args()
    path = RESULTS / "real.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    seeds = stored.setdefault("seeds", {})
    roots = {int(seed): Path(root) for seed, _, root in (e.partition("=") for e in chosen.seeds)}
    for seed, root in roots.items():
        seeds[str(seed)] = marks(root)
    stored["experiment"] = measure(seeds)
    if roots:
        real_model.PATH.write_text(json.dumps(decided(roots), indent=1) + "\n", encoding="utf-8")
    if chosen.forgetting:
        stored["forgetting"] = forgetting(*chosen.forgetting)
    path.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(stored["experiment"], indent=1))


if __name__ == "__main__":
    main()
