"""Which option an announced value names: by letter, by the option's text, or by its number.

The article "a", the pronoun "I" and "none of the above" are never letters. Two letters at once
("A or B") name nothing. It knows nothing of where the value was announced.
"""

from .characters import (
    char,
    digit,
    fold,
    letter,
    plain,
    skip_spaces,
    space,
    upper,
    word_at,
    word_end,
    word_set,
)
from .number_answers import Found, number_value, sentence_end

FILLERS = word_set(
    "option choice letter answer the correct is most likely definitely clearly best probably "
    "therefore thus so text textbf textit mathrm mathbf mathsf boxed fbox be indeed actually"
)
_AFTER_A = word_set("because since as is which and or with for based but due if")
_AFTER_I = frozenset(["because", "since", "is"])
_STRIPPED = ".,;:!?\"'()[]{}*$\\`"
_WRAPPERS = ("text{", "textbf{", "textit{", "mathrm{", "mathbf{", "mathsf{", "mbox{")
ARTICLES = frozenset(("a", "an", "the"))
WINDOW = 2000  # characters searched for an option's text: an announced value is short


def matchable(text: str) -> str:
    """Lower case words without articles and outer punctuation, one space apart: how option texts are compared."""
    stripped = [_unwrapped(word.strip(_STRIPPED)) for word in plain(text).split(" ")]
    words = [word for word in stripped if word]
    return " ".join([word for word in words if word not in ARTICLES] or words)


def _unwrapped(word: str) -> str:
    """The word inside \\text{...}, whose braces may close some words later."""
    for wrapper in _WRAPPERS:
        if word.startswith(wrapper):
            return word.removeprefix(wrapper).strip(_STRIPPED)
    return word


def _number_key(s: str) -> str:
    found = number_value(s, 0, len(s), "answer is", False, 0)
    return found.key if found else ""


class Options:
    """The options of one question: how many letters there are, and what each one says."""

    def __init__(self, texts: list[str] | None) -> None:
        self.texts = None if texts is None else [matchable(text) for text in texts]
        self.numbers = [] if texts is None else [_number_key(fold(text)) for text in texts]
        self.letters = 26 if texts is None else min(26, len(texts))


def _letter(c: str, options: Options) -> str:
    capital = c.upper() if "a" <= c <= "z" else c
    return capital if "A" <= capital < chr(ord("A") + options.letters) else ""


def _enclosed(s: str, i: int, end: int, options: Options) -> Found | None:
    """(B), [B], {B}."""
    closing = {"(": ")", "[": "]", "{": "}"}.get(s[i])
    j = skip_spaces(s, i + 1, min(end, i + 2))
    found = _letter(char(s, j, end), options)
    k = skip_spaces(s, j + 1, min(end, j + 2))
    return Found(i, k + 1, "choice:" + found) if found and char(s, k, end) == closing else None


def _bare(s: str, i: int, end: int, options: Options) -> Found | None:
    """B, B., B) and the like; what follows tells a letter from an article, a pronoun or a word."""
    found = _letter(s[i], options)
    before, after = char(s, i - 1, end), char(s, i + 1, end)
    if not found or letter(before) or digit(before) or before in ("'", "-"):
        return None
    if letter(after) or digit(after) or after in ("'", "-", "_", "/"):
        return None
    j = skip_spaces(s, i + 1, end)
    if space(after) and letter(char(s, j, end)):
        word = word_at(s, j, end)
        known = _AFTER_I if found == "I" else _AFTER_A
        if found in "AI" or not upper(s[i]):
            return (
                Found(i, i + 1, "choice:" + found) if word in known and "\n" not in s[i:j] else None
            )
    return Found(i, i + 1, "choice:" + found)


def letter_at(s: str, i: int, end: int, options: Options) -> Found | None:
    return _enclosed(s, i, end, options) if s[i] in "([{" else _bare(s, i, end, options)


def _another(s: str, found: Found, end: int, options: Options) -> bool:
    """Whether a second letter is named beside the first: "A or B", "(A) and (C)", "A, B"."""
    i = skip_spaces(s, found.end, end)
    while i < end and s[i] in ")*.":
        i = skip_spaces(s, i + 1, end)
    if char(s, i, end) in (",", "/", "&"):
        i = skip_spaces(s, i + 1, end)
    elif word_at(s, i, end) in ("or", "and"):
        i = skip_spaces(s, word_end(s, i, end), end)
    else:
        return False
    while i < end and s[i] == "*":
        i += 1
    other = letter_at(s, i, end, options) if i < end else None
    return other is not None and other.key != found.key


def _head(s: str, i: int, end: int, options: Options) -> tuple[int, Found | None]:
    """The letter that a value begins with, after "option", markup and the like."""
    while i < end:
        found = letter_at(s, i, end, options)
        if found:
            return i, found
        if letter(s[i]):
            if word_at(s, i, end) not in FILLERS:
                return i, None
            i = word_end(s, i, end)
        elif digit(s[i]):
            return i, None
        else:
            i += 1
    return i, None


def _inside(s: str, i: int, end: int, options: Options) -> Found | None:
    """The first "(B)" or "option B" of a sentence."""
    while i < end:
        if (
            s[i] == "("
            and upper(s[i + 1 : i + 2] or "\0")
            and (found := _enclosed(s, i, end, options))
        ):
            return found
        if letter(s[i]):
            j = word_end(s, i, end)
            k = skip_spaces(s, j, end)
            if (
                word_at(s, i, end) in ("option", "choice")
                and k < end
                and (found := letter_at(s, k, end, options))
            ):
                return found
            i = j
        else:
            i += 1
    return None


def _by_text(value: str, texts: list[str]) -> int | None:
    """The one option that a value says: exactly, as its beginning, or somewhere inside."""
    said = f" {matchable(value[:WINDOW])} "
    exact = [i for i, text in enumerate(texts) if said == f" {text} "]
    if exact:
        return exact[0] if len(exact) == 1 else None
    for where in (str.startswith, str.__contains__):
        named = [i for i, text in enumerate(texts) if text and where(said, f" {text} ")]
        longest = [
            i for i in named if not any(_within(texts[i], texts[j]) for j in named if j != i)
        ]
        if named:
            return longest[0] if len(longest) == 1 else None
    return None


def _within(short: str, long: str) -> bool:
    return len(short) < len(long) and f" {short} " in f" {long} "


def _by_number(value: Found, numbers: list[str]) -> int | None:
    """The one option that is the same number."""
    same = [i for i, number in enumerate(numbers) if number == value.key]
    return same[0] if len(same) == 1 else None


def choice_value(s: str, original: str, a: int, b: int, options: Options) -> Found | None:
    """The option that s[a:b] names."""
    if word_at(s, a, b) == "not":
        return None
    i, found = _head(s, a, b, options)
    stop = sentence_end(s, i, b)
    if found:
        return None if _another(s, found, b, options) else found
    if options.texts:
        option = _by_text(original[a:stop], options.texts)
        if option is None and stop < b:
            option = _by_text(original[a:b], options.texts)
        if option is not None and option < 26:
            return Found(a, stop, "choice:" + chr(ord("A") + option))
    found = _inside(s, i, stop, options)
    if found or not options.texts:
        return found
    number = number_value(s, a, stop, "answer is", False, 0)
    option = _by_number(number, options.numbers) if number else None
    if number is None or option is None or option >= 26:
        return None
    return Found(number.start, number.end, "choice:" + chr(ord("A") + option))


def last_letter(s: str, end: int, options: Options) -> Found | None:
    """The fallback: the last "(B)", or capital letter that stands alone and cannot be a word."""
    for i in range(end - 1, -1, -1):
        if s[i] == "(" and upper(char(s, i + 1, end)):
            found = _enclosed(s, i, end, options)
        elif upper(s[i]) and (s[i] not in "AI" or not space(char(s, i + 1, end))):
            found = _bare(s, i, end, options)
        else:
            continue
        if found:
            return found
    return None
