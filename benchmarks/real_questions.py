"""Writes data/01_raw/real: public word problems, split once by a hash of their ids.

    python benchmarks/real_questions.py GSM8K_TRAIN GSM8K_TEST SVAMP

Each is a `.jsonl.gz` of `id`, `question`, `answer`, and for GSM8K `solution` (both MIT; data/01_raw/real/README.md
has their origin). Of GSM8K, problems whose solution takes one to three calculations are kept.
"""

import gzip
import hashlib
import json
import re
import sys
from pathlib import Path

FOLDER = Path("data/01_raw/real")
CALCULATION = re.compile(r"<<[^>]*>>")
SPLITS = {  # questions of each split, taken in this order
    "gsm8k_short": {
        "worked": 2000,
        "probe": 100,
        "development": 150,
        "held_out": 350,
        "unlabeled": 1500,
    },
    "svamp_words": {"probe": 100, "development": 150, "held_out": 350, "unlabeled": 400},
}


def read(path: str) -> list[dict[str, str]]:
    """The rows of a gzipped JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def is_short(row: dict[str, str]) -> bool:
    """Whether the solution takes one to three calculations."""
    return 1 <= len(CALCULATION.findall(row["solution"])) <= 3


def by_hash(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows in an order that depends on nothing but their ids."""
    return sorted(rows, key=lambda row: hashlib.sha256(row["id"].encode()).hexdigest())


def split(task: str, rows: list[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    """The rows of each split of SPLITS, as the question files have them."""
    remaining = iter(by_hash(rows))
    return {
        name: [converted(task, name, next(remaining)) for _ in range(number)]
        for name, number in SPLITS[task].items()
    }


def converted(task: str, name: str, row: dict[str, str]) -> dict[str, str]:
    """A row of a question file, or of the worked examples; calculator marks are not part of a rationale."""
    kept = {
        "id": row["id"],
        "task": task,
        "question": row["question"].strip(),
        "answer": row["answer"],
    }
    if name == "worked":
        return {**kept, "rationale": one_paragraph(CALCULATION.sub("", row["solution"]))}
    return {**kept, "split": "held_out" if name == "development" else name}


def one_paragraph(solution: str) -> str:
    """The lines of a solution as sentences of one paragraph."""
    lines = [" ".join(line.split()) for line in solution.splitlines() if line.strip()]
    return " ".join(line if line[-1] in ".!?:;," else f"{line}." for line in lines)


def write(name: str, rows: list[dict[str, str]]) -> None:
    """One gzipped JSONL file, the same bytes for the same rows."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (FOLDER / f"{name}.jsonl.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    print(name, len(rows))


def main() -> None:
    train, test, svamp = (read(path) for path in sys.argv[1:])
    parts = [
        split("gsm8k_short", [row for row in train + test if is_short(row)]),
        split("svamp_words", svamp),
    ]
    rows = {
        name: [row for part in parts for row in part.get(name, [])]
        for name in SPLITS["gsm8k_short"]
    }
    write("worked", rows["worked"])
    write("questions", rows["unlabeled"] + rows["probe"] + rows["held_out"])
    write("development", rows["unlabeled"] + rows["probe"] + rows["development"])


if __name__ == "__main__":
    main()
