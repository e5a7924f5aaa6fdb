"""Canonical forms of mathematical answers (kind `math`): numbers, expressions, tuples, intervals, sets, equations.

A surface is cleaned of typography and units and split at commas, unions and relations. Each part is brought into
the normal form of `algebra`; unsupported parts keep their cleaned wording. Two answers are equal if the resulting
strings are equal, so equality is symmetric and transitive. Surfaces that exceed MOST_LENGTH or MOST_DEPTH are
compared by their wording.
"""

import re
from fractions import Fraction
from itertools import accumulate

from .algebra import RefusedError, add, constant, key, multiply
from .latex import MOST_DEPTH, expression
from .reference.boxes import contents
from .reference.characters import fold, pointed
from .reference.number_words import number_words
from .reference.spans import parts_of
from .reference.values import key as number_key
from .typography import cleaned

MOST_LENGTH = 400
_GROUPED = re.compile(r"(?<![\d.])\d{1,3}(?:(?:,|\{,\})\d{3})+(?!\d)")
_NAMED = r"[A-Za-z]|[A-Za-z]_\{?\w\}?|[a-zA-Z]\([a-z]\)|\\theta|\\alpha"
_DOUBTFUL = re.compile(r"\d\{,\}\d")  # 3{,}5 may be a decimal comma or a typing error
_UNBOUNDED = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_LEFT_SIDE = re.compile(rf"(?:{_NAMED})\s?(?:=|\\in)(?!.*=)\s?(?=.)")
_MATRIX = re.compile(r"\\begin\{([pbv]?matrix)\}(.*)\\end\{\1\}")
_RELATION = re.compile(r"(<=|>=|!=|<|>|=)")


def _split(text: str, separators: tuple[str, ...]) -> list[str]:
    """The parts between separators outside all brackets."""
    parts, depth, start, i = [], 0, 0, 0
    while i < len(text):
        depth += (text[i] in "([{") - (text[i] in ")]}")
        found = next((x for x in separators if depth == 0 and text.startswith(x, i)), "")
        if found:
            parts.append(text[start:i])
            start = i + len(found)
        i += max(len(found), 1)
    return [part.strip() for part in (*parts, text[start:])]


def _wording(text: str) -> str:
    """The key of an unsupported part: its words in lower case if it has only words, else the cleaned wording."""
    plain = text.strip("()[]{}\"' ") if re.fullmatch(r"[(\[\"']?[A-Za-z]+[)\]\"']?", text) else text
    words = re.fullmatch(r"[A-Za-z][A-Za-z' -]*", plain)
    apart = re.sub(r"(?<=\d) (?=\d)", "_", plain)  # 4 10/3 is not 410/3
    return "math:" + (plain.lower() if words and len(plain) > 1 else apart.replace(" ", ""))


def _listed(keys: list[str]) -> str:
    distinct = sorted(set(keys))
    return distinct[0] if len(distinct) == 1 else "list:" + "|".join(distinct)


def _related(text: str) -> str:
    """The key of an equation or an inequality.

    An equation is written as a sum that equals zero, and an inequality with its smallest side first.
    """
    pieces = _RELATION.split(text)
    sides, signs = pieces[::2], pieces[1::2]
    if signs == ["="]:
        zero = add(expression(sides[0]), expression(sides[1]), -1)
        leading = zero[min(zero)] if zero else Fraction(1)
        return f"math:0={key(multiply(zero, constant(1 / leading)))}"
    keys = [key(expression(side)) for side in sides]
    if all(sign in (">", ">=") for sign in signs):
        keys, signs = keys[::-1], [sign.replace(">", "<") for sign in signs[::-1]]
    return "math:" + "".join(x for pair in zip(keys, [*signs, ""], strict=True) for x in pair)


def _encloses(text: str) -> bool:
    """Whether the last character closes the bracket with which the text begins."""
    depth = 0
    for i, c in enumerate(text):
        depth += (c in "([{") - (c in ")]}")
        if depth <= 0 and i < len(text) - 1 and c != "\\":
            return False
    return depth == 0


def _bracketed(text: str) -> str | None:
    """The key of a tuple, an interval or a set; None for other texts."""
    is_set = text.startswith("\\{") and text.endswith("\\}")
    if not (is_set or (text[:1] in "([" and text[-1:] in ")]")) or not _encloses(text):
        return None
    parts = _split(text[2:-2] if is_set else text[1:-1], (",",))
    if is_set:
        return _listed([_part(part) for part in parts]) if parts != [""] else "math:{}"
    return (
        f"math:{text[0]}{','.join(_part(part) for part in parts)}{text[-1]}"
        if len(parts) > 1
        else None
    )


def _matrix(text: str) -> str | None:
    found = _MATRIX.fullmatch(text)
    if not found:
        return None
    rows = [
        [_part(cell.strip()) for cell in row.split("&")]
        for row in found[2].split("\\\\")
        if row.strip()
    ]
    return "math:matrix(" + ";".join(",".join(row) for row in rows) + ")"


def _part(text: str) -> str:
    """The key of one part."""
    text = text.strip()
    if found := _matrix(text) or (_bracketed(text) if text else None):
        return found
    unions = _split(text, ("\\cup",))
    if len(unions) > 1:
        return "math:" + "\\cup".join(sorted(_part(part) for part in unions))
    try:
        if _RELATION.search(text):
            return _related(text)
        if re.fullmatch(r"[A-Za-z]{2,}", text) or re.search(
            r"(?<!\\)(?<![A-Za-z])[A-Za-z]{4,}", text
        ):
            return _wording(text)
        return key(expression(text))
    except RefusedError:
        return _wording(text)


def _valued(text: str) -> str:
    """The text after "x =", "f(x) =" or "x in", or the whole text if it does not begin like this."""
    found = _LEFT_SIDE.match(text)
    return text[found.end() :] if found else text


def _depth(text: str) -> int:
    """The maximum nesting depth of the brackets in a text, whether they are closed or not."""
    levels = list(accumulate(((c in "([{") - (c in ")]}") for c in text), initial=0))
    return max(levels) - min(levels)


def _signs(text: str) -> list[str]:
    """Both readings of a text with one plus-minus sign; other texts have one reading."""
    return (
        [text.replace("\\pm", "+"), text.replace("\\pm", "-")]
        if text.count("\\pm") == 1
        else [text]
    )


def _boxed(surface: str) -> list[str]:
    """The contents of the boxes in a surface with several boxes; empty for other surfaces."""
    boxes = [surface[i:j] for i, j in contents(surface, 0, len(surface))]
    return boxes if len(boxes) > 1 else []


def math_key(surface: str, comma: bool = False) -> str | None:
    """The key of a mathematical answer; None for an empty or unparsable one.

    comma: numbers have decimal commas, so 1,5 is a number and not a list.
    """
    if len(surface) <= MOST_LENGTH and (boxes := _boxed(surface)):
        keys = [found for box in boxes if (found := math_key(box, comma))]
        return _listed([part for each in keys for part in parts_of(each)])
    surface = pointed(surface) if comma else surface
    if _DOUBTFUL.search(_GROUPED.sub("0", surface[: MOST_LENGTH + 1])):
        return None
    text = cleaned(surface) if len(surface) <= MOST_LENGTH else surface
    if not text or _UNBOUNDED.fullmatch(text):
        return None
    if len(surface) > MOST_LENGTH or _depth(text) > MOST_DEPTH:
        return "math:" + "".join(text.split())
    spelled = number_words(fold(text), 0, len(text))
    if spelled and spelled.end == len(text):
        return number_key(spelled.value)
    text = (
        _GROUPED.sub(lambda m: re.sub(r"\D", "", m[0]), text) if _bracketed(text) is None else text
    )
    parts = _split(text, (",", ";", " and ", " or "))
    keys = [_part(_valued(reading)) for part in parts if part for reading in _signs(part)]
    return _listed(keys or [_wording(text)])
