"""Measures the gain of a round in many settings and compares it with the gain that its headroom predicts.

    python benchmarks/headroom_settings.py FOLDER [NAME ...] [--add NAME=ROOT[@THRESHOLD] ...]

Each setting runs in its own data root in FOLDER, unless its figures are already stored. --add reads the figures of
a finished data root, whose run had voting.min_confidence=THRESHOLD. The figures and a leave-one-out fit are
written to docs/results/headroom.json. The fresh settings were chosen before they were run. Their predictions come
from the line that was fitted to the other settings (`TESTED`); the line that the software uses is fitted to all.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from result import RESULTS, ROOT

from lmsi_kedro.evaluation.prediction import Line, Setting, counts, judge, leave_one_out

OPEN = {  # The monitor raises no alarm, so that the gain of every trained model is measured.
    "monitor.min_winner_entropy": 0,
    "monitor.min_distinct_paths": 0,
    "monitor.min_length": 0,
    "monitor.max_length": 1000,
    "monitor.max_agreement_rise": 1,
    "monitor.max_unreadable_rise": 1,
    "monitor.max_accuracy_fall": 1,
    "monitor.max_support_fall": 1,
}
MEASURED = {
    "headroom.enabled": "true",
    "headroom.probe": "true",
    "evaluation.greedy_questions": 400,
    "evaluation.voted_questions": 1,
}
ALL = ("mini_gsm", "mini_arc", "mini_drop", "mini_nli")
Given = dict[str, Any]
# The tasks of the embedded world and the parameters of each setting.
EMBEDDED: dict[str, tuple[tuple[str, ...], Given]] = {
    "gsm": (("mini_gsm",), {}),
    "arc": (("mini_arc",), {}),
    "drop": (("mini_drop",), {}),
    "nli": (("mini_nli",), {}),
    "all, 60 steps": (ALL, {"training.steps": 60}),
    "smaller model": (ALL, {"model": "data/06_models/base_small"}),
    "gsm, T = 1.5": (("mini_gsm",), {"paths.sampling.temperature": 1.5}),
    "gsm, 4 paths": (("mini_gsm",), {"paths.m": 4}),
}
# Chosen on 2026-11-28, before they were run, to test the line that was fitted to the settings above.
TESTED = Line(1.20, 0.102)
FRESH: dict[str, tuple[tuple[str, ...], Given]] = {
    "arc, 4 paths": (("mini_arc",), {"paths.m": 4}),
    "nli, 4 paths": (("mini_nli",), {"paths.m": 4}),
    "drop, T = 1.5": (("mini_drop",), {"paths.sampling.temperature": 1.5}),
    "gsm, 20 steps": (("mini_gsm",), {"training.steps": 20}),
    "gsm and drop, 8 paths": (("mini_gsm", "mini_drop"), {"paths.m": 8}),
    "gsm, smaller model": (("mini_gsm",), {"model": "data/06_models/base_small"}),
    "arc, smaller model": (("mini_arc",), {"model": "data/06_models/base_small"}),
}


def questions_of(tasks: tuple[str, ...], folder: Path) -> Path:
    """Write a file with the questions of the embedded world that belong to these tasks, and return its path."""
    path = folder / f"{'_'.join(tasks)}.jsonl"
    rows = (ROOT / "data/01_raw/questions.jsonl").read_text(encoding="utf-8").splitlines()
    path.write_text(
        "\n".join(row for row in rows if json.loads(row)["task"] in tasks) + "\n", encoding="utf-8"
    )
    return path


def run(name: str, folder: Path) -> Path:
    """Run or resume one round of a setting; return the data root."""
    tasks, changed = (EMBEDDED | FRESH)[name]
    root = folder / name.replace(", ", "_").replace(" ", "_")
    given = {
        **OPEN,
        **MEASURED,
        "data_root": root,
        "questions": questions_of(tasks, folder),
        **changed,
    }
    params = ",".join(f"{key}={value}" for key, value in given.items())
    outputs = "--to-outputs=metrics_1,headroom"
    command = ["kedro", "run", "--pipelines=self_improve", outputs, f"--params={params}"]
    with (folder / f"{root.name}.log").open("w") as log:
        subprocess.run(command, cwd=ROOT, check=True, stdout=log, stderr=log, env=dict(os.environ))
    return root


def figures(name: str, root: Path, threshold: float = 0.0) -> Setting:
    """Return the gain of the vote on the probe at this threshold, and that of the round on held-out questions."""
    headroom = json.loads((root / "08_reporting/headroom.json").read_text())
    row = json.loads((root / "07_evaluation/metrics_1.json").read_text())["pooled"]["cot_greedy"]
    rows = headroom["probe"]["thresholds"]
    vote = next(found for found in rows if found["threshold"] == threshold)
    return Setting(
        name, vote["gain"], vote["gain_low"], vote["gain_high"], threshold, headroom["probe"]["questions"],
        row["delta"], row["delta_low"], row["delta_high"], row["p_value"], row["after"]["n"],
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--add", nargs="*", default=[])
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(EMBEDDED | FRESH):
        sys.exit(f"no setting {sorted(unknown)[0]}; there are {', '.join(EMBEDDED | FRESH)}")
    chosen.folder.mkdir(exist_ok=True, parents=True)
    path = RESULTS / "headroom.json"
    settings = stored(path)
    for name in chosen.names:
        if name not in settings:
            settings[name] = figures(name, run(name, chosen.folder))
            write(path, settings)
    for name, root in (entry.rsplit("=", 1) for entry in chosen.add):
        place, _, threshold = root.partition("@")
        settings[name] = figures(name, Path(place), float(threshold or 0))
    write(path, settings)


def stored(path: Path) -> dict[str, Setting]:
    """Return all settings whose figures are in the file, including the fresh ones."""
    made = json.loads(path.read_text()) if path.exists() else {"settings": []}
    rows = made["settings"] + made.get("fresh", {}).get("settings", [])
    return {row["name"]: Setting(**row) for row in rows}


def write(path: Path, settings: dict[str, Setting]) -> None:
    """Write all figures so far; this is done after every setting, because a run takes hours and may be killed."""
    rows = [each for each in settings.values() if each.name not in FRESH]
    fresh = [each for each in settings.values() if each.name in FRESH]
    made = {
        "settings": [each._asdict() for each in rows],
        "fit": leave_one_out(rows),
        "fresh": {
            "settings": [each._asdict() for each in fresh],
            **counts([judge(TESTED, each) for each in fresh]),
        },
    }
    path.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    for each in settings.values():
        print(f"{each.name:20} vote over greedy {each.vote:+.3f}, gain {each.gain:+.3f}")


if __name__ == "__main__":
    main()
