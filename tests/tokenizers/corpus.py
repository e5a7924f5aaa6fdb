"""The training corpus of the test tokenizers: questions and exemplars of the project, and prose.txt."""

import json
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROSE = Path(__file__).with_name("prose.txt").read_text()  # includes code and other scripts


@cache
def corpus() -> tuple[str, ...]:
    """A few hundred documents of one to thirty lines."""
    rows = (ROOT / "data/01_raw/questions.jsonl").read_text().splitlines()[::14]
    asked = [
        f"Q: {json.loads(row)['question']}\nA: The answer is {n}." for n, row in enumerate(rows)
    ]
    exemplars = [file.read_text() for file in sorted((ROOT / "conf/base/exemplars").glob("*.yml"))]
    return (*asked, *exemplars, PROSE, PROSE)
