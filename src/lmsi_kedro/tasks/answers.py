"""Answers of all kinds: those of `kernels`, and kinds of one's own.

A kind of one's own is a function, named as package.module.function or by an entry point of the group
`lmsi_kedro.answers`. It is given the answers that texts announce, found as for kind `text`, and returns the
canonical form of each, None for what is no answer. Two answers are the same iff their forms are equal.
"""

import importlib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from typing import Any

import polars as pl

from lmsi_kedro import kernels
from lmsi_kedro.kernels.answers import KINDS

GROUP = "lmsi_kedro.answers"
Reader = Callable[[list[str]], Sequence[str | None]]
# What models write where an answer should be; a reader must take all of it.
PROBES = [
    "", " ", "0", "-1", "1/0", "0/0", "1e999", "9" * 400, "3,5", "1.2.3", "NaN", "∞", "½", "٣", "a", "None", "(",
    "[", "{}", "\\frac{1}{0}", "%s", "\\", "\x00", "\n", "é" * 50, "🙂", "5 km", "5/0 km", "x" * 10_000,
]  # fmt: skip


def is_reader(kind: str) -> bool:
    """Whether a kind is named like a function, or is an entry point."""
    return kind not in KINDS and ("." in kind or kind in points().names)


@cache
def points() -> EntryPoints:
    """The entry points of all installed packages, which takes a while to look up."""
    return entry_points(group=GROUP)


@cache
def reader(kind: str) -> Reader:
    """The function of a kind of one's own; ValueError where there is none."""
    try:
        if kind in points().names:
            found = points()[kind].load()
        else:
            module, _, name = kind.rpartition(".")
            found = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever the module does when it is imported
        raise ValueError(
            f"the kind {kind} cannot be imported ({type(error).__name__}: {error}): it must be a function of a "
            "module in the project's source folder, or of an installed package"
        ) from None
    if not callable(found):
        raise ValueError(f"the kind {kind} is no function from answers to canonical answers")
    return found  # type: ignore[no-any-return]


def read_answers(texts: Any, kind: str, choices: Any = None, **given: Any) -> pl.DataFrame:
    """`kernels.read_answers`, also of kinds of one's own, whose keys begin with `own:`."""
    if not is_reader(kind):
        return kernels.read_answers(texts, kind, choices, **given)
    read = kernels.read_answers(texts, "text", **given)
    keys = own_keys(read["surface"].to_list(), kind)
    return read.with_columns(key=keys).with_columns(
        pl.when(keys.is_not_null()).then(pl.col(name)).alias(name)
        for name in ("surface", "start", "end", "rule")
    )


def canonical_keys(answers: Any, kind: str, choices: Any = None, **given: Any) -> pl.Series:
    """`kernels.canonical_keys`, also of kinds of one's own."""
    if is_reader(kind):
        return own_keys(list(answers), kind)
    return kernels.canonical_keys(answers, kind, choices, **given)


def own_keys(answers: Sequence[str | None], kind: str) -> pl.Series:
    """The keys of answers; ValueError names an answer that the reader fails at."""
    given = list(dict.fromkeys(answer for answer in answers if answer is not None))
    forms = dict(zip(given, forms_of(given, kind), strict=True))
    keys = [None if a is None or forms[a] is None else f"own:{forms[a]}" for a in answers]
    return pl.Series("key", keys, dtype=pl.String)


def forms_of(answers: list[str], kind: str) -> list[str | None]:
    """What the reader makes of answers: as many texts or None."""
    try:
        forms = list(reader(kind)(answers)) if answers else []
    except Exception as error:
        if len(answers) > 1:  # which one is it?
            for answer in answers:
                forms_of([answer], kind)
        raise wrong(kind, answers, f"raises {type(error).__name__} ({error})") from None
    if len(forms) != len(answers):
        raise wrong(kind, answers, f"returns {len(forms)} forms for {len(answers)} answers")
    for answer, form in zip(answers, forms, strict=True):
        if form is not None and not isinstance(form, str):
            raise wrong(kind, [answer], f"returns {form!r}, which is neither text nor None")
    return forms


def check_reader(kind: str, answers: Sequence[str]) -> None:
    """ValueError when a reader fails at some text, or gives equal answers different forms.

    What can be tried, on texts of all sorts and the answers at hand: whether a form is its own form, stays
    the same with spaces around the answer, and does not depend on the answers that are given with it.
    """
    asked = list(dict.fromkeys([*PROBES, *answers]))
    forms = forms_of(asked, kind)
    if forms_of(asked[::-1], kind)[::-1] != forms:
        raise ValueError(
            f"the kind {kind} gives an answer another form when others stand beside it"
        )
    said = [(answer, form) for answer, form in zip(asked, forms, strict=True) if form is not None]
    for (answer, form), again in zip(said, forms_of([f for _, f in said], kind), strict=True):
        if again != form:
            raise wrong(
                kind,
                [answer],
                f"gives {form!r}, but for that {again!r}: a form must be its own form",
            )
    spaced = forms_of([f"  {answer} \n" for answer, _ in said], kind)
    for (answer, form), other in zip(said, spaced, strict=True):
        if other != form:
            raise wrong(kind, [answer], f"gives {form!r}, and with spaces around it {other!r}")


def wrong(kind: str, answers: Sequence[str], what: str) -> ValueError:
    named = repr(answers[0][:60]) if len(answers) == 1 else f"{len(answers)} answers"
    return ValueError(f"the kind {kind} {what}, for {named}")
