"""Parses answers of all kinds: the built-in ones of `kernels`, and custom kinds.

A custom kind is a function, named as package.module.function or by an entry point of the group
`lmsi_kedro.answers`. It receives the answers that texts announce, which are found in the same way as for the kind
`text`, and returns the canonical form of each, or None for an unparsable one. Two answers are the same iff their
forms are equal.
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
# Texts that models may give as an answer; a function must accept all of them.
PROBES = [
    "", " ", "0", "-1", "1/0", "0/0", "1e999", "9" * 400, "3,5", "1.2.3", "NaN", "∞", "½", "٣", "a", "None", "(",
    "[", "{}", "\\frac{1}{0}", "%s", "\\", "\x00", "\n", "é" * 50, "🙂", "5 km", "5/0 km", "x" * 10_000,
]  # fmt: skip


def is_reader(kind: str) -> bool:
    """Returns whether a kind is the name of a function or an entry point."""
    return kind not in KINDS and ("." in kind or kind in points().names)


@cache
def points() -> EntryPoints:
    """Returns the entry points of all installed packages, cached because the lookup is slow."""
    return entry_points(group=GROUP)


@cache
def reader(kind: str) -> Reader:
    """Imports the function of a custom kind; raises ValueError if there is none."""
    try:
        if kind in points().names:
            found = points()[kind].load()
        else:
            module, _, name = kind.rpartition(".")
            found = getattr(importlib.import_module(module), name)
    except Exception as error:  # importing a user's module may raise anything
        raise ValueError(
            f"the kind {kind} cannot be imported ({type(error).__name__}: {error}): it must be a function of a "
            "module in the project's source folder, or of an installed package"
        ) from None
    if not callable(found):
        raise ValueError(f"the kind {kind} is not a function from answers to canonical answers")
    return found  # type: ignore[no-any-return]


def read_answers(texts: Any, kind: str, choices: Any = None, **options: Any) -> pl.DataFrame:
    """Extends `kernels.read_answers` by custom kinds, whose canonical answers begin with `own:`."""
    if not is_reader(kind):
        return kernels.read_answers(texts, kind, choices, **options)
    read = kernels.read_answers(texts, "text", **options)
    keys = own_keys(read["surface"].to_list(), kind)
    return read.with_columns(key=keys).with_columns(
        pl.when(keys.is_not_null()).then(pl.col(name)).alias(name)
        for name in ("surface", "start", "end", "rule")
    )


def canonical_keys(answers: Any, kind: str, choices: Any = None, **options: Any) -> pl.Series:
    """Extends `kernels.canonical_keys` by custom kinds."""
    if is_reader(kind):
        return own_keys(list(answers), kind)
    return kernels.canonical_keys(answers, kind, choices, **options)


def own_keys(answers: Sequence[str | None], kind: str) -> pl.Series:
    """Canonicalises answers of a custom kind; raises ValueError with an answer for which the function fails."""
    distinct = list(dict.fromkeys(answer for answer in answers if answer is not None))
    forms = dict(zip(distinct, forms_of(distinct, kind), strict=True))
    keys = [None if a is None or forms[a] is None else f"own:{forms[a]}" for a in answers]
    return pl.Series("key", keys, dtype=pl.String)


def forms_of(answers: list[str], kind: str) -> list[str | None]:
    """Returns the results of the function: one text or None per answer."""
    try:
        forms = list(reader(kind)(answers)) if answers else []
    except Exception as error:
        if len(answers) > 1:  # find the answer that fails
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
    """Raises ValueError if the function fails for some text, or returns different forms for equal answers.

    The function is tested with typical texts and the given answers. It must map every form to itself. Spaces
    around an answer, and the other answers in the same call, must not change the form.
    """
    texts = list(dict.fromkeys([*PROBES, *answers]))
    forms = forms_of(texts, kind)
    if forms_of(texts[::-1], kind)[::-1] != forms:
        raise ValueError(
            f"the kind {kind} gives an answer a different form if the call has other answers"
        )
    pairs = [(answer, form) for answer, form in zip(texts, forms, strict=True) if form is not None]
    for (answer, form), again in zip(pairs, forms_of([f for _, f in pairs], kind), strict=True):
        if again != form:
            raise wrong(
                kind,
                [answer],
                f"gives {form!r}, but {again!r} for this form: both must be equal",
            )
    spaced = forms_of([f"  {answer} \n" for answer, _ in pairs], kind)
    for (answer, form), other in zip(pairs, spaced, strict=True):
        if other != form:
            raise wrong(
                kind, [answer], f"gives {form!r}, but {other!r} with spaces around the answer"
            )


def wrong(kind: str, answers: Sequence[str], what: str) -> ValueError:
    named = repr(answers[0][:60]) if len(answers) == 1 else f"{len(answers)} answers"
    return ValueError(f"the kind {kind} {what}, for {named}")
