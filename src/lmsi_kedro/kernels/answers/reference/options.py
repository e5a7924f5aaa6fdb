"""The options of a question, and how their texts are compared."""

from .characters import fold, plain
from .number_answers import number_value

_STRIPPED = ".,;:!?\"'()[]{}*$\\`"
_WRAPPERS = ("text{", "textbf{", "textit{", "mathrm{", "mathbf{", "mathsf{", "mbox{")
ARTICLES = frozenset(("a", "an", "the"))
WINDOW = 2000  # number of characters searched for an option's text, since values are short


def matchable(text: str) -> str:
    """The form in which option texts are compared: lower-case words without articles and outer punctuation."""
    stripped = [_unwrapped(word.strip(_STRIPPED)) for word in plain(text).split(" ")]
    words = [word for word in stripped if word]
    return " ".join([word for word in words if word not in ARTICLES] or words)


def _unwrapped(word: str) -> str:
    """The word inside \\text{...}, whose closing brace may be some words later."""
    for wrapper in _WRAPPERS:
        if word.startswith(wrapper):
            return word.removeprefix(wrapper).strip(_STRIPPED)
    return word


def _number_key(s: str) -> str:
    found = number_value(s, 0, len(s), "answer is", False, 0)
    return found.key if found else ""


class Options:
    """The options of one question: the number of letters, and the text of each option."""

    def __init__(self, texts: list[str] | None, comma: bool = False) -> None:
        self.texts = None if texts is None else [matchable(text) for text in texts]
        self.numbers = [] if texts is None else [_number_key(fold(text, comma)) for text in texts]
        self.letters = 26 if texts is None else min(26, len(texts))

    def says(self, key: str, words: str) -> bool:
        """Whether the words after a letter begin with the text of its option: "(B) C" if the text of B is "C"."""
        text = self.texts[ord(key[-1]) - ord("A")] if self.texts else ""
        return bool(text) and f"{matchable(words[:WINDOW])} ".startswith(f"{text} ")
