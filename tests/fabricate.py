"""Synthetic but consistent tables of an evaluation: questions, paths, and the predictions made from them.

mini_gsm and mini_arc are in domain, mini_svamp is out of domain. Random values are seeded with the task and the
number of the question; those of a path also with the path, the mode and the skill.
"""

from collections import Counter
from random import Random

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.tasks import Task, Tasks

TASKS = Tasks(
    {
        "mini_gsm": Task(kind="number", exemplar_set="mini_gsm", in_domain=True),
        "mini_arc": Task(kind="choice", exemplar_set="mini_arc", in_domain=True),
        "mini_svamp": Task(kind="number", exemplar_set="mini_gsm", in_domain=False),
    }
)
NAMES = list(TASKS.root)
N = 60  # questions per task of the evaluations that tests compare
CHOICES = ["a feather", "a stone", "an apple", "a house"]
PATHS = {"standard": 1, "cot_greedy": 1, "self_consistency": 8}
SCHEMA = {
    "question_id": pl.String,
    "task": pl.String,
    "round": pl.Int32,
    "arm": pl.String,
    "seed": pl.Int64,
    "mode": pl.String,
    "decoding": pl.String,
    "path": pl.Int32,
    "text": pl.String,
    "key": pl.String,
    "tokens": pl.Int32,
    "finish": pl.String,
}


def questions(n: int) -> pl.DataFrame:
    rows = [_question(task, i) for task in NAMES for i in range(n)]
    schema = {"question_id": pl.String, "task": pl.String, "split": pl.String}
    return pl.DataFrame(
        rows,
        schema={
            **schema,
            "question": pl.String,
            "context": pl.String,
            "choices": pl.List(pl.String),
        },
        orient="row",
    )


def labels(n: int) -> pl.DataFrame:
    rows = [(_identity(task, i), [_answer(task, i)]) for task in NAMES for i in range(n)]
    schema: dict[str, type[pl.DataType] | pl.DataType] = {
        "question_id": pl.String,
        "answers": pl.List(pl.String),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def evaluation_readings(
    n: int, skill: float, round_number: int = 0, arm: str = "base"
) -> pl.DataFrame:
    rows = [
        (
            *(_identity(task, i), task, round_number, arm, 1, mode, "m=1", path),
            *_sample(task, i, path, mode, skill),
            9,
            "stop",
        )
        for task in NAMES
        for i in range(n)
        for mode, m in PATHS.items()
        for path in range(m)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def evaluation_answers(
    n: int, skill: float, round_number: int = 0, arm: str = "base"
) -> pl.DataFrame:
    groups = evaluation_readings(n, skill, round_number, arm).group_by(
        "question_id", "task", "round", "arm", "seed", "mode", "decoding", maintain_order=True
    )
    rows = [(*origin, *_vote(rows["key"].to_list())) for origin, rows in groups]
    of_paths = ("path", "text", "key", "tokens", "finish")
    columns = {name: kind for name, kind in SCHEMA.items() if name not in of_paths}
    return pl.DataFrame(
        rows, schema={**columns, "key": pl.String, "confidence": pl.Float64}, orient="row"
    )


def predictions(n: int, skill: float, round_number: int = 0, arm: str = "base") -> pl.DataFrame:
    right = {_identity(task, i): _key(task, _answer(task, i)) for task in NAMES for i in range(n)}
    answered = evaluation_answers(n, skill, round_number, arm)
    correct = pl.col("key").eq_missing(pl.col("question_id").replace_strict(right))
    return answered.with_columns(correct=correct).select(*schemas.PREDICTIONS)


def _vote(keys: list[str | None]) -> tuple[str | None, float | None]:
    if len(keys) == 1:
        return keys[0], None
    ranked = Counter(key for key in keys if key).most_common(2)
    tied = len(ranked) == 2 and ranked[0][1] == ranked[1][1]
    return (None if tied or not ranked else ranked[0][0]), ranked[0][1] / len(keys) if ranked else 0


def _sample(task: str, i: int, path: int, mode: str, skill: float) -> tuple[str, str | None]:
    """Hard questions stay hard: the chance of a correct path depends on the difficulty of the question."""
    draw = Random(f"{task}{i}{path}{mode}{skill}")
    ease = Random(f"{task}{i}").uniform(-0.45, 0.45)
    answer = _answer(task, i)
    if mode == "standard":
        skill *= 0.6
    if draw.random() > skill + ease:
        answer = "C" if task == "mini_arc" else str(int(answer) + draw.choice([-10, -1, 1, 2]))
    a, b, c = _numbers(i)
    rationale = f"{b} boxes of {c} are {b * c}. {a} and {b * c} make {answer}."
    if task == "mini_arc":
        rationale = "What floats is light. A stone is not."
    if draw.random() < 0.06:
        return f" {rationale} {rationale}", None
    shown = f" {rationale}" if mode != "standard" else ""
    written = f"({answer})" if task == "mini_arc" else answer
    return f"{shown} The answer is {written}.", _key(task, answer)


def _question(task: str, i: int) -> tuple[str, str, str, str, None, list[str] | None]:
    a, b, c = _numbers(i)
    story = f"Ann has {a} pens. She buys {b} boxes of {c} pens each. How many pens has she now?"
    if task == "mini_svamp":
        story = f"Her brother is {a} years old. {story}"
    if task == "mini_arc":
        story = f"Which of these floats on water for {a} days?"
    choices = CHOICES if task == "mini_arc" else None
    return _identity(task, i), task, "held_out", story, None, choices


def _identity(task: str, i: int) -> str:
    return f"{Random(f'{task}{i}').getrandbits(32):08x}-{task}-{i}"


def _numbers(i: int) -> tuple[int, int, int]:
    return i % 23 + 2, i % 7 + 2, i % 11 + 3


def _answer(task: str, i: int) -> str:
    a, b, c = _numbers(i)
    return "ABD"[i % 3] if task == "mini_arc" else str(a + b * c)


def _key(task: str, answer: str) -> str:
    return f"choice:{answer}" if task == "mini_arc" else f"num:{answer}"
