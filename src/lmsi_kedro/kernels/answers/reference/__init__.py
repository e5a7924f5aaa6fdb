"""Parses answers in plain Python: the specification with which the C++ kernel is compared.

A text is folded (`characters`) and cut before an invented next question. Its announcements are tried
from the last to the first (`triggers`); the first one whose value can be parsed gives surface, span
and key. Positions count characters. docs/answers.md states the rules.
"""

from collections.abc import Sequence
from typing import NamedTuple

from .boxes import contents
from .characters import digit, fold, space
from .choices import choice_value
from .dates import date_value
from .last_number import last_number
from .letters import last_letter
from .number_answers import Found, number_value
from .options import Options
from .regions import MARKUP, label_end, value_region
from .spans import joined_spans, span_key
from .triggers import readable_end, triggers
from .verdicts import last_verdict, nli_value, yes_no_value
from .wordings import text_key, wording

Choices = Sequence[str] | None
_WORDED = ("span", "text", "math")


class Answer(NamedTuple):
    """A row of read_answers."""

    key: str | None = None
    surface: str | None = None
    start: int | None = None
    end: int | None = None
    rule: str | None = None


class _Reader:
    """A parser of one text for one kind of answer."""

    def __init__(self, text: str, kind: str, choices: Choices, comma: bool) -> None:
        self.text, self.kind, self.comma = text, kind, comma
        self.s = fold(text, comma)
        self.end = readable_end(self.s)
        texts = [x or "" for x in choices] if choices and kind == "choice" else None
        self.options = Options(texts, comma)
        self.last_digit = next((i for i in range(self.end - 1, -1, -1) if digit(self.s[i])), -1)

    def value(self, a: int, b: int, form: str, labelled: bool) -> Found | None:
        """The answer that this range of the text announces."""
        if form == "boxes":
            return self.boxes(a, b)
        if self.kind == "number":
            return number_value(self.s, a, b, form, labelled, self.last_digit)
        if self.kind == "choice":
            return choice_value(self.s, self.text, a, b, self.options)
        if form == "is the answer":
            return None
        if self.kind == "yes_no":
            return yes_no_value(self.s, a, b)
        if self.kind == "nli":
            return nli_value(self.s, a, b)
        if self.kind == "date":
            return date_value(self.s, a, b)
        return self.worded(a, b, form)

    def worded(self, a: int, b: int, form: str) -> Found | None:
        """An answer in words: the whole box, or otherwise the first sentence."""
        found = Found(a, b, "") if form == "boxed" and a < b else wording(self.s, a, b)
        key = self.wording_key(self.text[found.start : found.end]) if found else None
        return None if found is None or key is None else found._replace(key=key)

    def wording_key(self, wording: str) -> str | None:
        """The key of a wording; empty for `math`, whose normal form is computed by the caller."""
        if self.kind == "span":
            return span_key(wording, self.comma)
        return text_key(wording) if self.kind == "text" else ""

    def boxes(self, a: int, b: int) -> Found | None:
        """The answer of a list of boxes: the list, if the kind has lists, or the answer that all boxes share."""
        if self.kind == "math":
            return Found(a, b, "")
        inner = contents(self.s, a, b)
        found = [self.value(i, j, "boxed", False) if i < j else None for i, j in inner]
        keys = {each.key for each in found if each}
        if None in found or (len(keys) != 1 and self.kind != "span"):
            return None
        return Found(a, b, keys.pop() if len(keys) == 1 else joined_spans(keys))

    def fallback(self) -> Found | None:
        if self.kind == "number":
            return last_number(self.s, self.end)
        if self.kind == "choice":
            return last_letter(self.s, self.end, self.options)
        return last_verdict(self.s, self.end, self.kind) if self.kind in ("yes_no", "nli") else None

    def cut(self, found: Found | None, b: int) -> bool:
        """Whether this answer might be different if the length limit had not cut the text."""
        end = len(self.s)
        if found is None:
            return b == end
        i = found.end
        if self.kind == "number" and i < end and self.s[i] in ".,":
            i += 1
        return i >= end

    def read(self, rule: str, finish: str | None) -> Answer:
        for trigger in triggers(self.s, self.end, self.kind == "choice"):
            a, b, labelled = value_region(self.s, trigger)
            found = self.value(a, b, trigger.form, labelled) if a < b else None
            closed = trigger.form in ("boxed", "boxes") and b < len(self.s)
            if finish == "length" and not closed and self.cut(found, b):
                return Answer()
            if found or trigger.form == "boxes":
                return self.answer(found, trigger.form.replace("boxes", "boxed"))
        last = self.fallback() if rule == "trigger_or_last" else None
        return self.answer(None if finish == "length" and self.cut(last, 0) else last, "last")

    def canonical(self) -> str | None:
        """The key of the whole text as an answer."""
        if self.kind in _WORDED:
            return self.wording_key(self.text)
        end = len(self.s)
        a = next((i for i, c in enumerate(self.s) if not space(c) and c not in MARKUP), end)
        a = label_end(self.s, a, end, False)
        found = self.value(a, end, "answer is", False) if a < end else None
        return found.key if found else None

    def answer(self, found: Found | None, rule: str) -> Answer:
        if found is None:
            return Answer()
        return Answer(found.key, self.text[found.start : found.end], found.start, found.end, rule)


def read_answer(
    text: str | None, kind: str, choices: Choices, rule: str, finish: str | None, comma: bool
) -> Answer:
    """The answer of one completion; `comma`: numbers have decimal commas."""
    return Answer() if text is None else _Reader(text, kind, choices, comma).read(rule, finish)


def canonical_key(answer: str | None, kind: str, choices: Choices, comma: bool) -> str | None:
    """The key of one gold or already extracted answer."""
    return None if answer is None else _Reader(answer, kind, choices, comma).canonical()
