"""Parses an announced value as yes or no, or as entailment, contradiction or neutral.

A verdict must be a word or phrase of a fixed list; it is never guessed from prose.
"""

from .characters import char, letter, lowered, skip_spaces, word_at, word_end, word_set
from .negations import no_noun
from .number_answers import Found, sentence_end

YES_NO = {
    "yes": "bool:yes", "true": "bool:yes", "valid": "bool:yes", "plausible": "bool:yes",
    "no": "bool:no", "false": "bool:no", "invalid": "bool:no", "implausible": "bool:no",
}  # fmt: skip
NLI = {
    "yes": "nli:entailment", "true": "nli:entailment", "entailment": "nli:entailment", "entails": "nli:entailment",
    "entailed": "nli:entailment", "no": "nli:contradiction", "false": "nli:contradiction",
    "contradiction": "nli:contradiction", "contradicts": "nli:contradiction", "contradictory": "nli:contradiction",
    "contradicted": "nli:contradiction", "neutral": "nli:neutral", "inconclusive": "nli:neutral",
    "undetermined": "nli:neutral", "maybe": "nli:neutral", "unknown": "nli:neutral", "neither": "nli:neutral",
}  # fmt: skip
_NEGATIONS = (
    "not possible to",
    "impossible to",
    "cannot",
    "can't",
    "can not",
    "unable to",
    "not able to",
)
_KNOWING = (
    "tell",
    "say",
    "determine",
    "be determined",
    "know",
    "be known",
    "conclude",
    "infer",
    "be inferred",
)
_NEUTRAL = (
    *(f"{negation} {verb}" for negation in _NEGATIONS for verb in _KNOWING),
    "not enough information", "not sure", "not clear", "unclear", "insufficient information",
)  # fmt: skip
FILLERS = word_set(
    "most likely definitely clearly probably a an the simply therefore thus text textbf textit "
    "mathrm boxed that option answer would be is it indeed actually"
)
WINDOW = 400  # only this many characters of a value are searched, since a verdict is short


def _head(s: str, i: int, end: int) -> int:
    """The first meaningful word of a value."""
    while i < end and not (letter(s[i]) and word_at(s, i, end) not in FILLERS):
        i = word_end(s, i, end) if letter(s[i]) else i + 1
    return i


def _alternative(s: str, i: int, end: int, verdicts: dict[str, str]) -> bool:
    """Whether a verdict is one of several offered alternatives: "yes or no", "yes/no"."""
    i = skip_spaces(s, i, end)
    if char(s, i, end) == "/":
        i = skip_spaces(s, i + 1, end)
    elif word_at(s, i, end) in ("or", "and"):
        i = skip_spaces(s, word_end(s, i, end), end)
    else:
        return False
    return word_at(s, i, end) in verdicts


def _only(s: str, i: int, end: int, verdicts: dict[str, str]) -> Found | None:
    """The only verdict of a sentence; "no" does not count before another word, which may be its noun."""
    found = None
    while i < end:
        if not letter(s[i]):
            i += 1
            continue
        j = word_end(s, i, end)
        word = word_at(s, i, end)
        if word == "not":
            return None
        verdict = verdicts.get(word)
        if verdict and (word != "no" or not letter(char(s, skip_spaces(s, j, end), end))):
            if found and found.key != verdict:
                return None
            found = found or Found(i, j, verdict)
        i = j
    return found


def _verdict(s: str, a: int, b: int, verdicts: dict[str, str]) -> Found | None:
    stop = sentence_end(s, a, min(b, a + WINDOW))
    head = _head(s, a, stop)
    verdict = verdicts.get(word_at(s, head, stop))
    if verdict is None:
        return _only(s, head, stop, verdicts)
    end = word_end(s, head, stop)
    unknown = word_at(s, head, stop) == "no" and no_noun(
        word_at(s, skip_spaces(s, end, stop), stop)
    )
    return None if unknown or _alternative(s, end, stop, verdicts) else Found(head, end, verdict)


def yes_no_value(s: str, a: int, b: int) -> Found | None:
    return _verdict(s, a, b, YES_NO)


def nli_value(s: str, a: int, b: int) -> Found | None:
    stop = sentence_end(s, a, min(b, a + WINDOW))
    value = lowered(s[a:stop])
    places = [(at, at + len(x)) for x in _NEUTRAL if (at := value.find(x)) >= 0]
    if places:
        first, last = min(places)
        return Found(a + first, a + last, "nli:neutral")
    return _verdict(s, a, b, NLI)


def last_verdict(s: str, end: int, kind: str) -> Found | None:
    """The fallback: the verdict at the beginning of the text, or the last one that stands alone."""
    verdicts = YES_NO if kind == "yes_no" else NLI
    head = _head(s, 0, end)
    if verdict := verdicts.get(word_at(s, head, end)):
        return Found(head, word_end(s, head, end), verdict)
    i = end
    while i > 0:
        if not letter(s[i - 1]):
            i -= 1
            continue
        stop = i
        while i > 0 and letter(s[i - 1]):
            i -= 1
        word = word_at(s, i, stop)
        if word in verdicts and (
            word != "no" or not letter(char(s, skip_spaces(s, stop, end), end))
        ):
            return Found(i, stop, verdicts[word])
    return None
