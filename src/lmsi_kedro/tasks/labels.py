"""Parses labels, which are either an answer alone or a solution that announces it.

A label that announces an answer is parsed like a sampled path, so "... #### 18" (GSM8K) and "... $\\boxed{9}$"
(MATH) need no conversion. Any other label must be the answer alone: prose is not searched for one.
"""

import re
from collections.abc import Sequence

from lmsi_kedro.tasks.answers import canonical_keys, read_answers
from lmsi_kedro.tasks.prompts import LETTERS
from lmsi_kedro.tasks.task import Decimal, Kind

Choices = Sequence[list[str] | None]
WANTED: dict[str, str] = {
    "number": "one number",
    "choice": "the letter or the text of one of its choices",
    "yes_no": "yes or no",
    "nli": "entailment, neutral or contradiction",
    "date": "a date",
    "span": "a short answer",
    "text": "a short answer",
    "math": "one expression",
}
LONGEST = 200  # maximum characters of an answer alone
LETTERED = 10  # maximum characters around the text of an option: a letter or a remark
TWO_SENTENCES = re.compile(r"[a-z]{2}[.?!]\s+[A-Z]")


def read_labels(
    labels: Sequence[str], kind: Kind, choices: Choices | None, decimal: Decimal = "point"
) -> list[str | None]:
    """Returns the answer that each label states, as written, or None if it states no answer or several."""
    options = list(choices) if choices is not None and kind == "choice" else None
    announced = read_answers(labels, kind, options, decimal=decimal)
    answers = [
        surface if surface is not None else label if is_short(label, kind, texts) else None
        for label, surface, texts in zip(
            labels, announced["surface"], options or [None] * len(labels), strict=True
        )
    ]
    keys = canonical_keys(answers, kind, options, decimal=decimal)
    # A surface may have lost its context ("minus eighty"), and canonical_keys takes the first of several numbers.
    others = announced["key"]
    if kind == "number":
        last = read_answers(answers, kind, rule="trigger_or_last", decimal=decimal)["key"]
        others = others.zip_with(others.is_not_null(), last)
    return [
        answer if key is not None and other in (key, None) else None
        for answer, key, other in zip(answers, keys, others, strict=True)
    ]


def wanted(kind: str) -> str:
    """Returns a description of valid labels of this kind."""
    return WANTED.get(kind, f"an answer to {kind}")


def is_short(label: str, kind: Kind, options: Sequence[str] | None) -> bool:
    """Returns whether a label can be an answer alone."""
    longest = max(map(len, options)) + LETTERED if options else LONGEST
    if "\n" in label.strip() or len(label) > longest:
        return False
    return kind != "math" or not TWO_SENTENCES.search(label)


def letters_of_places(labels: Sequence[str], choices: Choices) -> tuple[list[str], str | None]:
    """Converts labels that are positions of choices (MMLU: 0 to 3) to letters; returns them and their meaning.

    Other labels are unchanged. Raises ValueError if it is not clear whether they are positions counted from 0,
    positions counted from 1, or option texts.
    """
    if not labels or not all(re.fullmatch(r"\d{1,2}", label) for label in labels):
        return list(labels), None
    keys = canonical_keys(labels, "choice", list(choices))
    meanings = {"option texts": [None if k is None else k.removeprefix("choice:") for k in keys]}
    for first in (0, 1):
        places = [int(label) - first for label in labels]
        meanings[f"positions counted from {first}"] = [
            LETTERS[place] if 0 <= place < len(options or ()) else None
            for place, options in zip(places, choices, strict=True)
        ]
    possible = {meaning: letters for meaning, letters in meanings.items() if None not in letters}
    if len({tuple(letters) for letters in possible.values()}) > 1:
        *others, last = possible
        raise ValueError(
            f"the labels are whole numbers, which may be {', '.join(others)}{',' * (len(others) > 1)} or {last}: "
            "write the letters A, B, ... or the texts of the options"
        )
    for meaning, letters in possible.items():
        return [f"({letter})" for letter in letters], meaning
    return list(labels), None
