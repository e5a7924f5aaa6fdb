"""Reading answers, in plain Python: the specification that the C++ kernel is compared with.

A text is folded (characters), cut before an invented next question, and its announcements are visited
from the last to the first (triggers); the first one whose value can be read gives surface, span and
key. Positions count characters. docs/answers.md states the rules.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .characters import digit, fold, space
from .choices import Options, choice_value, last_letter
from .dates import date_value
from .last_number import last_number
from .number_answers import Found, number_value
from .spans import span_key, text_key, wording
from .triggers import MARKUP, Trigger, readable_end, triggers, value_region
from .verdicts import last_verdict, nli_value, yes_no_value

Choices = Sequence[str] | None
_WORDED: dict[str, Callable[[str], str | None]] = {
    "span": span_key,
    "text": text_key,
    "math": lambda _: "",
}


class Answer(NamedTuple):
    """A row of read_answers."""

    key: str | None = None
    surface: str | None = None
    start: int | None = None
    end: int | None = None
    rule: str | None = None


class _Reader:
    """Reads one text as one kind."""

    def __init__(self, text: str, kind: str, choices: Choices) -> None:
        self.text, self.kind = text, kind
        self.s = fold(text)
        self.end = readable_end(self.s)
        self.options = (
            Options([x or "" for x in choices] if choices else None)
            if kind == "choice"
            else Options(None)
        )
        self.last_digit = next((i for i in range(self.end - 1, -1, -1) if digit(self.s[i])), -1)

    def value(self, a: int, b: int, form: str, fresh: bool) -> Found | None:
        """The answer that the stretch announces."""
        if self.kind == "number":
            return number_value(self.s, a, b, form, fresh, self.last_digit)
        if self.kind == "choice":
            return choice_value(self.s, self.text, a, b, self.options)
        if self.kind == "yes_no":
            return yes_no_value(self.s, a, b)
        if self.kind == "nli":
            return nli_value(self.s, a, b)
        if self.kind == "date":
            return date_value(self.s, a, b)
        return self.worded(a, b, form)

    def worded(self, a: int, b: int, form: str) -> Found | None:
        """The answers that are wordings: all of a box, the first sentence elsewhere."""
        found = Found(a, b, "") if form == "boxed" and a < b else wording(self.s, a, b)
        key = _WORDED[self.kind](self.text[found.start : found.end]) if found else None
        return None if found is None or key is None else found._replace(key=key)

    def fallback(self) -> Found | None:
        if self.kind == "number":
            return last_number(self.s, self.end)
        if self.kind == "choice":
            return last_letter(self.s, self.end, self.options)
        return last_verdict(self.s, self.end, self.kind) if self.kind in ("yes_no", "nli") else None

    def cut(self, found: Found | None, a: int, b: int) -> bool:
        """Whether the end of a text cut by the length limit may have changed this answer."""
        end = len(self.s)
        if found is None:
            return b == end
        i = found.end
        if self.kind == "number" and i < end and self.s[i] in ".,":
            i += 1
        return i >= end

    def announced(
        self, trigger: Trigger, limit: int, finish: str | None
    ) -> tuple[Found | None, bool]:
        """The value after a trigger, and whether reading must stop here without one."""
        a, b, fresh = value_region(self.s, trigger, limit)
        found = self.value(a, b, trigger.form, fresh) if a < b else None
        closed = trigger.form == "boxed" and b < len(self.s)
        return found, finish == "length" and not closed and self.cut(found, a, b)

    def read(self, rule: str, finish: str | None) -> Answer:
        limit = self.end
        for trigger in triggers(self.s, self.end, self.kind == "choice"):
            found, cut = self.announced(trigger, limit, finish)
            if cut:
                return Answer()
            if found:
                return self.answer(found, trigger.form)
            limit = trigger.start
        last = self.fallback() if rule == "trigger_or_last" else None
        if last is None or (finish == "length" and self.cut(last, 0, 0)):
            return Answer()
        return self.answer(last, "last")

    def answer(self, found: Found, rule: str) -> Answer:
        return Answer(found.key, self.text[found.start : found.end], found.start, found.end, rule)


def read_answer(
    text: str | None, kind: str, choices: Choices, rule: str, finish: str | None
) -> Answer:
    """The answer of one completion."""
    return Answer() if text is None else _Reader(text, kind, choices).read(rule, finish)


def canonical_key(answer: str | None, kind: str, choices: Choices) -> str | None:
    """The key of one gold or already extracted answer."""
    if answer is None:
        return None
    if kind in _WORDED:
        return _WORDED[kind](answer)
    reader = _Reader(answer, kind, choices)
    end = len(reader.s)
    a = next((i for i, c in enumerate(reader.s) if not space(c) and c not in MARKUP), end)
    found = reader.value(a, end, "answer is", False) if a < end else None
    return found.key if found else None
