"""Finds the option that an announced value names: by letter, by the option's text, or by its number.

Two letters at once ("A or B") do not name an option, and neither does a negated option ("it is not
green").
"""

from .characters import letter, skip_spaces
from .letters import another, head_letter, letter_inside
from .negations import denies, means, refuses
from .number_answers import Found, number_value, sentence_end
from .options import WINDOW, Options, matchable


def _affirmed(s: str, original: str, a: int, found: Found, end: int, options: Options) -> bool:
    """Whether neither the words before a letter nor the words directly after it negate it."""
    if denies(matchable(original[a : found.start]).split(" ")):
        return False
    i = skip_spaces(s, found.end, end)
    while i < end and s[i] in ")*":
        i = skip_spaces(s, i + 1, end)
    if i >= end or not letter(s[i]) or not refuses(matchable(original[i : i + 40]).split(" ")):
        return True
    return options.says(found.key, original[i:end])


def _around(padded: str, text: str) -> tuple[list[str], list[str]]:
    """The words before and after an option's text in a value that contains it."""
    before, _, after = padded.partition(f" {text} ")
    return [x for x in before.split(" ") if x], [x for x in after.split(" ") if x]


def _by_text(value: str, texts: list[str]) -> int | None:
    """The only option whose text equals the value or, failing that, begins it or, failing that, occurs in it."""
    padded = f" {matchable(value[:WINDOW])} "
    exact = [i for i, text in enumerate(texts) if padded == f" {text} "]
    if exact:
        return exact[0] if len(exact) == 1 else None
    for where in (str.startswith, str.__contains__):
        named = [
            i
            for i, text in enumerate(texts)
            if text and where(padded, f" {text} ") and means(text, *_around(padded, text))
        ]
        longest = [
            i for i in named if not any(_within(texts[i], texts[j]) for j in named if j != i)
        ]
        if named:
            before, after = _around(padded, texts[longest[0]])
            doubtful = denies(before) or refuses(after) or _lists(after, texts)
            return longest[0] if len(longest) == 1 and not doubtful else None
    return None


def _lists(after: list[str], texts: list[str]) -> bool:
    """Whether only further options follow an option: "Monsters, Inc" if both words are options."""
    rest = " ".join(after)
    while rest:
        next_one = max(
            (t for t in texts if t and f"{rest} ".startswith(f"{t} ")), key=len, default=None
        )
        if next_one is None:
            return False
        rest = rest[len(next_one) + 1 :]
    return bool(after)


def _within(short: str, long: str) -> bool:
    return len(short) < len(long) and f" {short} " in f" {long} "


def _by_number(value: Found, numbers: list[str]) -> int | None:
    """The only option that is the same number as the value."""
    same = [i for i, number in enumerate(numbers) if number == value.key]
    return same[0] if len(same) == 1 else None


def choice_value(s: str, original: str, a: int, b: int, options: Options) -> Found | None:
    """The option that s[a:b] names."""
    i, found = head_letter(s, a, b, options)
    stop = sentence_end(s, i, b)
    if found is None and options.texts:
        option = _by_text(original[a:stop], options.texts)
        if option is None and stop < b:
            option = _by_text(original[a:b], options.texts)
        if option is not None and option < 26:
            return Found(a, stop, "choice:" + chr(ord("A") + option))
    found = found or letter_inside(s, i, stop, options)
    if found:
        doubtful = another(s, original, found, b, options)
        return found if not doubtful and _affirmed(s, original, a, found, b, options) else None
    number = number_value(s, a, stop, "answer is", False, 0) if options.texts else None
    option = _by_number(number, options.numbers) if number else None
    if number is None or option is None or option >= 26:
        return None
    named = Found(number.start, number.end, "choice:" + chr(ord("A") + option))
    return named if _affirmed(s, original, a, named, b, options) else None
