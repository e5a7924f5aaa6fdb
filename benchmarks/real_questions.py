"""Writes public word problems to data/01_raw/real, split by a hash of their ids.

    python benchmarks/real_questions.py FOLDER

FOLDER is the folder `dataset` of kojima-takeshi188/zero_shot_cot, with SVAMP, MultiArith, SingleEq and AddSub.
Duplicates are dropped, and so are problems whose equation does not lead to their answer. The rationale of a worked
problem consists of the calculations in its equation, step by step.
"""

import ast
import gzip
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OUTPUT = Path("data/01_raw/real")
TASK = "word_problems"
FILES = {  # in this order, because SingleEq contains problems from AddSub
    "multiarith": "MultiArith/MultiArith.json",
    "singleeq": "SingleEq/questions.json",
    "addsub": "AddSub/AddSub.json",
}
SPLITS = {
    "worked": 500,
    "probe": 100,
    "development": 300,
    "held_out": 500,
}  # all others are unlabeled
SIGNS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
SPACED = re.compile(r" (?=[.,?!])|(?<=\$) | (?='s|n't)")
Row = dict[str, Any]


def read_problems(folder: Path) -> Iterator[tuple[str, str, str, float]]:
    """Yield the id, question, equation and answer of every problem."""
    for row in json.loads((folder / "SVAMP/SVAMP.json").read_text()):
        body = row["Body"].strip()
        question = f"{body}{'' if body[-1] in '.,?!' else '.'} {row['Question']}"
        yield f"svamp-{row['ID']}", question, f"x={row['Equation']}", float(row["Answer"])
    for name, file in FILES.items():
        for row in json.loads((folder / file).read_text()):
            answer = float(row["lSolutions"][0])
            yield f"{name}-{row['iIndex']}", row["sQuestion"], row["lEquations"][0], answer


def number(value: float) -> str:
    """Format a number with at most four decimals."""
    return str(int(value)) if value == int(value) else repr(round(value, 4))


def evaluate(node: Any, steps: list[str]) -> float:
    """Return the value of an expression, and append its calculations to `steps`."""
    if isinstance(node, ast.Constant):
        return float(str(node.value))
    if isinstance(node, ast.UnaryOp):
        return -evaluate(node.operand, steps)
    a, b, sign = evaluate(node.left, steps), evaluate(node.right, steps), SIGNS[type(node.op)]
    value = {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else float("nan")}[sign]
    steps.append(f"{number(a)} {sign} {number(b)} = {number(value)}.")
    return value


def rationale(equation: str, answer: float) -> str | None:
    """Return the calculations that lead to the answer, or None if the equation does not lead to it."""
    left, right = equation.replace(" ", "").lower().split("=")
    if "x" in left and left != "x":
        return solve(left, right, answer)
    if "x" in right and right != "x":
        return solve(right, left, answer)
    steps: list[str] = []
    value = evaluate(ast.parse(right if left == "x" else left, mode="eval").body, steps)
    return " ".join(steps) if steps and abs(value - answer) < 1e-3 else None


def solve(side: str, other: str, answer: float) -> str | None:
    """Return the calculation that leads to the answer of an equation with two numbers, such as 28 + x = 54."""
    for term in map(float, re.findall(r"[\d.]+", side)):
        total = float(other)
        for sign, a, b in (
            ("+", total, term), ("-", total, term), ("-", term, total),
            ("*", total, term), ("/", total, term), ("/", term, total),
        ):  # fmt: skip
            steps: list[str] = []
            value = evaluate(ast.parse(f"{a}{sign}{b}", mode="eval").body, steps)
            if abs(value - answer) < 1e-6:
                return steps[0]
    return None


def problems(folder: Path) -> list[Row]:
    """Return all distinct problems in an order that depends only on their ids."""
    kept: dict[str, Row] = {}
    for name, text, equation, answer in read_problems(folder):
        question = SPACED.sub("", " ".join(text.split()))
        letters = re.sub(r"\W", "", question.lower())
        try:
            steps = rationale(equation, answer)
        except (ValueError, KeyError, AttributeError):
            continue
        if steps is not None and letters not in kept:
            row = {"id": name, "task": TASK, "question": question, "answer": number(answer)}
            kept[letters] = {**row, "rationale": steps}
    return sorted(kept.values(), key=lambda row: hashlib.sha256(row["id"].encode()).hexdigest())


def write(name: str, rows: list[Row]) -> None:
    """Write a gzipped JSONL file; the same rows give the same bytes."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (OUTPUT / f"{name}.jsonl.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    print(name, len(rows))


def main() -> None:
    remaining = iter(problems(Path(sys.argv[1])))
    parts = {name: [next(remaining) for _ in range(count)] for name, count in SPLITS.items()}
    write("worked", parts.pop("worked"))
    parts["unlabeled"] = list(remaining)
    unsolved = {
        name: [
            {k: v for k, v in row.items() if k != "rationale"} | {"split": split} for row in rows
        ]
        for name, rows in parts.items()
        for split in ["held_out" if name == "development" else name]
    }
    for name, held_out in (("development", "development"), ("questions", "held_out")):
        write(name, unsolved["unlabeled"] + unsolved["probe"] + unsolved[held_out])


if __name__ == "__main__":
    main()
