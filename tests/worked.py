"""Worked examples of the embedded world, as people would write them down."""

import json
from pathlib import Path
from random import Random
from typing import Any

from lmsi_kedro.mini_world.questions import generate_distinct

Row = dict[str, Any]
IN_DOMAIN = ("mini_gsm", "mini_arc", "mini_drop", "mini_nli")


def worked_rows(count: int = 3, split: str = "unlabeled", seed: int = 77) -> list[Row]:
    """`count` examples per in-domain task, with careful rationales; shipped questions have a different seed."""
    rng = Random(seed)
    return [
        {
            "task": task,
            "question": problem.question,
            "rationale": problem.careful(rng),
            "answer": problem.answer,
            **({"choices": list(problem.choices)} if problem.choices else {}),
            **({"context": problem.context} if problem.context else {}),
        }
        for task in IN_DOMAIN
        for problem in generate_distinct(task, split, count, seed)
    ]


def worked_file(folder: Path, rows: list[Row], name: str = "worked.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path
