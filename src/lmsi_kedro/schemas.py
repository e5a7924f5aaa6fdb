"""The tables of the project: columns and types, each specified once and checked on load and save.

The catalog names these functions as validators. A table with missing, extra or ill-typed columns, or with a
duplicate key, raises ValueError with the table's and the column's name.
"""

from collections.abc import Callable

import polars as pl

Columns = dict[str, pl.DataType | type[pl.DataType]]

TEXTS = pl.List(pl.String)
RAW_QUESTIONS: Columns = {
    "split": pl.String, "task": pl.String, "question": pl.String, "context": pl.String,
    "choices": TEXTS, "answer": TEXTS, "source": pl.String,
}  # fmt: skip
RAW_WORKED: Columns = {**RAW_QUESTIONS, "rationale": pl.String}
QUESTIONS: Columns = {
    "question_id": pl.String, "task": pl.String, "split": pl.String, "question": pl.String,
    "context": pl.String, "choices": TEXTS,
}  # fmt: skip
# path numbers the solutions of one question; text is rationale and answer, as in a sampled path.
WORKED: Columns = {
    **QUESTIONS, "path": pl.Int32, "key": pl.String, "surface": pl.String, "text": pl.String,
    "source": pl.String,
}  # fmt: skip
EXEMPLARS: Columns = {
    "exemplar_set": pl.String, "question": pl.String, "context": pl.String, "choices": TEXTS,
    "rationale": pl.String, "answer": pl.String,
}  # fmt: skip
LABELS: Columns = {"question_id": pl.String, "answers": TEXTS}
PATHS: Columns = {
    "question_id": pl.String, "path": pl.Int32, "exemplar_set": pl.String, "text": pl.String,
    "tokens": pl.Int32, "logprob": pl.Float64, "finish": pl.String,
}  # fmt: skip
EVALUATION_PATHS: Columns = {**PATHS, "mode": pl.String, "decoding": pl.String}
CONTINUATIONS: Columns = {
    **{name: kind for name, kind in PATHS.items() if name != "exemplar_set"}, "task": pl.String,
}  # fmt: skip
READ: Columns = {
    "task": pl.String, "key": pl.String, "surface": pl.String, "start": pl.Int32,
    "end": pl.Int32, "rule": pl.String,
}  # fmt: skip
# content is a hash of the normalised text: two paths of a question with equal content are duplicates.
READINGS: Columns = {
    "question_id": pl.String, "path": pl.Int32, "tokens": pl.Int32, "logprob": pl.Float64, **READ,
    "content": pl.UInt64,
}  # fmt: skip
# A reader's reply on a path, and the part of the path's text that the reply copies; null if it copies none.
REPLIES: Columns = {
    "question_id": pl.String, "path": pl.Int32, "reply": pl.String, "surface": pl.String,
    "start": pl.Int32, "end": pl.Int32,
}  # fmt: skip
READER = "reader"  # the value of `rule` for an answer that a reader found
EVALUATION_READINGS: Columns = {**EVALUATION_PATHS, **READ}
EVALUATION_ANSWERS: Columns = {
    "question_id": pl.String, "task": pl.String, "mode": pl.String, "decoding": pl.String,
    "key": pl.String, "confidence": pl.Float64, "round": pl.Int32, "arm": pl.String,
    "seed": pl.Int64,
}  # fmt: skip
SUPPORTS: Columns = {"question_id": pl.String, "task": pl.String, "support": pl.Float64}
SELECTED: Columns = {
    "question_id": pl.String, "path": pl.Int32, "exemplar_set": pl.String, "arm": pl.String,
    "key": pl.String, "surface": pl.String, "text": pl.String,
}  # fmt: skip
ANSWERS: Columns = {
    "question_id": pl.String, "path": pl.Int32, "key": pl.String, "surface": pl.String,
    "start": pl.Int32, "end": pl.Int32, "rule": pl.String, "kept": pl.Boolean, "reason": pl.String,
}  # fmt: skip
VOTES: Columns = {
    "question_id": pl.String, "key": pl.String, "votes": pl.Int32, "readable": pl.Int32,
    "paths": pl.Int32, "confidence": pl.Float64, "margin": pl.Float64, "entropy": pl.Float64,
    "tied": TEXTS, "kept": pl.Boolean, "reason": pl.String,
}  # fmt: skip
DRAFTS: Columns = {
    "prompt": pl.String, "path": pl.Int32, "task": pl.String, "text": pl.String,
    "question_id": pl.String, "question": pl.String, "context": pl.String, "choices": TEXTS,
    "reason": pl.String,
}  # fmt: skip
CANDIDATES: Columns = {**DRAFTS, "key": pl.String, "confidence": pl.Float64}
WORKED_SEEDS: Columns = {
    "question_id": pl.String, "task": pl.String, "text": pl.String, "key": pl.String,
    "rationale": pl.String, "answer": pl.String, "reason": pl.String,
}  # fmt: skip
EXAMPLES: Columns = {
    "example_id": pl.String, "question_id": pl.String, "path": pl.Int32, "round": pl.Int32,
    "arm": pl.String, "format": pl.String, "weight": pl.Float64, "prompt": pl.String,
    "target": pl.String,
}  # fmt: skip
# path is the number of the chosen path; rejected is that of the rejected one, with its key, surface and text.
PAIRS: Columns = {
    "question_id": pl.String, "path": pl.Int32, "round": pl.Int32, "rejected": pl.Int32,
    "key": pl.String, "surface": pl.String, "text": pl.String, "margin": pl.Float64,
}  # fmt: skip
PREFERENCES: Columns = {**EXAMPLES, "rejected": pl.String}
PREDICTIONS: Columns = {
    "question_id": pl.String, "task": pl.String, "round": pl.Int32, "arm": pl.String,
    "seed": pl.Int64, "mode": pl.String, "decoding": pl.String, "key": pl.String,
    "correct": pl.Boolean, "confidence": pl.Float64,
}  # fmt: skip


def check(name: str, columns: Columns, unique: list[str]) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Returns a validator, which returns a valid table unchanged and raises ValueError for any other."""

    def validate(table: pl.DataFrame) -> pl.DataFrame:
        missing = [column for column in columns if column not in table.columns]
        extra = [column for column in table.columns if column not in columns]
        if missing or extra:
            raise ValueError(f"table {name}: missing columns {missing}, unknown columns {extra}")
        for column, expected in columns.items():
            if table.schema[column] != expected:
                raise ValueError(
                    f"table {name}: column {column} is {table.schema[column]}, not {expected}"
                )
        if (doubles := table.select(unique).is_duplicated()).any():
            first = table.filter(doubles).select(unique).row(0)
            raise ValueError(f"table {name}: {dict(zip(unique, first, strict=True))} occurs twice")
        return table

    return validate


questions = check("questions", QUESTIONS, ["question_id"])
labels = check("labels", LABELS, ["question_id"])
exemplars = check("exemplars", EXEMPLARS, ["exemplar_set", "question", "context", "choices"])
paths = check("paths", PATHS, ["question_id", "path"])
evaluation_paths = check("evaluation_paths", EVALUATION_PATHS, ["question_id", "mode", "path"])
readings = check("readings", READINGS, ["question_id", "path"])
replies = check("replies", REPLIES, ["question_id", "path"])
evaluation_readings = check(
    "evaluation_readings", EVALUATION_READINGS, ["question_id", "mode", "path"]
)
evaluation_answers = check("evaluation_answers", EVALUATION_ANSWERS, ["question_id", "mode"])
supports = check("supports", SUPPORTS, ["question_id"])
selected = check("selected", SELECTED, ["question_id", "path"])
answers = check("answers", ANSWERS, ["question_id", "path"])
votes = check("votes", VOTES, ["question_id"])
continuations = check("continuations", CONTINUATIONS, ["question_id", "path"])
drafts = check("drafts", DRAFTS, ["prompt", "path"])
candidates = check("candidates", CANDIDATES, ["prompt", "path"])
worked_seeds = check("worked_seeds", WORKED_SEEDS, ["question_id"])
worked = check("worked_examples", WORKED, ["question_id", "path"])
examples = check("examples", EXAMPLES, ["example_id"])
pairs = check("pairs", PAIRS, ["question_id", "path"])
preferences = check("preferences", PREFERENCES, ["example_id"])
predictions = check("predictions", PREDICTIONS, ["question_id", "arm", "round", "mode"])


def empty(columns: Columns) -> pl.DataFrame:
    """Returns a table without rows."""
    return pl.DataFrame(schema=columns)
