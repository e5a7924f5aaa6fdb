"""Generates completions from a grammar and mutates some; both implementations must parse them equally."""

import ast
import random
import re
from pathlib import Path


def _pieces(section: str) -> list[str]:
    """Return the pieces of a section of pieces.txt: one per line, with Python escapes, before a final bar."""
    text = Path(__file__).with_name("pieces.txt").read_text(encoding="utf-8")
    lines = text.split(f"# {section}\n")[1].split("\n# ")[0].splitlines()
    return [
        re.sub(r"\\(u....|x..|n|\\)", lambda m: str(ast.literal_eval(f"'{m[0]}'")), line[:-1])
        for line in lines
    ]


NUMBERS, WORDS, OPENINGS = _pieces("numbers"), _pieces("words"), _pieces("openings")
OPTIONS: tuple[list[str] | None, ...] = (
    None, [], ["x"], ["Yes", "No"], ["5 apples", "45", "the dog", "None of the above"],
    ["20%", "25 %", "1,000", "A dog", "cat"],
    ["Denver Broncos", "Broncos", "dog", "dog"],
    ["I", "II", "III", "I and II"],
    ["no", "yes", "not enough information"],
)  # fmt: skip


def _piece(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(NUMBERS)
    if kind < 0.85:
        return rng.choice(WORDS)
    if kind < 0.95:
        return rng.choice(OPENINGS)
    return "".join(rng.choice("0123456789.,/-$% xe^{}()\\*#\n") for _ in range(rng.randrange(1, 9)))


def _mutated(rng: random.Random, text: str) -> str:
    chars = list(text)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(chars) + 1)
        change = rng.random()
        if change < 0.4 and at < len(chars):
            del chars[at]
        elif change < 0.7:
            chars.insert(at, rng.choice("0123456789 .,-$%\\{}()\n*#:=/^AaBbéΩ½\u2212\xa0\u2009'\""))
        else:
            other = rng.randrange(len(chars) + 1)
            chars[min(at, other) : max(at, other)] = chars[min(at, other) : max(at, other)] * 2
    return "".join(chars)


def completion(rng: random.Random) -> str:
    """Generates a text with a few announced answers and other text around them."""
    text = ""
    for _ in range(rng.randrange(1, 4)):
        filler = " ".join(_piece(rng) for _ in range(rng.randrange(0, 12)))
        value = rng.choice((" ", "")).join(_piece(rng) for _ in range(rng.randrange(1, 6)))
        text += rng.choice(("", " " * rng.randrange(70), filler)) + rng.choice((" ", "\n", ""))
        text += rng.choice(OPENINGS) + value
        text += rng.choice((".", "}", "", "\n", "**", " apples."))
    return _mutated(rng, text) if rng.random() < 0.3 else text
