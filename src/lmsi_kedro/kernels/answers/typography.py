"""One spelling for each mathematical symbol, and none of the typography, units, percent and degrees.

It knows nothing of what an expression means.
"""

import re

_BRACES = r"\s?\{([^{}]*)\}"
_UPRIGHT = "text|mathrm|textrm|mbox"
_BOX = re.compile(r"\$*\s*\\(?:boxed|fbox)\s?\{(.*)\}[\s$.]*")
_TEXT = re.compile(rf"\\(?:{_UPRIGHT}|textbf|textit|mathbf|mathit|operatorname){_BRACES}")
_UNIT = re.compile(
    rf"(?<=[\d}}])\s*\\(?:{_UPRIGHT})\s?\{{(?!\s*(?:and|or)\b)[^{{}}]*\}}(?:\^(?:\d|\{{\d\}}))?"
)
_DEGREES = re.compile(r"\^\{?\s?\\circ\s?\}?|\\?%|\\\$")
_UNIT_WORDS = re.compile(
    r"(?<=[\d}])\s+(?!and\b|or\b)[A-Za-z]{2,}(?:\s[A-Za-z]{2,}){0,3}(?:\^\d)?$"
)
_DROPPED = (
    "\\left", "\\right", "\\bigl", "\\bigr", "\\big", "\\Big", "\\displaystyle", "\\!", "\\,", "\\;", "\\:",
    "\\quad", "$",
)  # fmt: skip
_REPLACED = {
    "\\dfrac": "\\frac", "\\tfrac": "\\frac", "\\cfrac": "\\frac", "\\lbrace": "\\{", "\\rbrace": "\\}",
    "\\leq": "<=", "\\le": "<=", "\\geq": ">=", "\\ge": ">=", "\\lt": "<", "\\gt": ">", "\\neq": "!=",
    "\\ne": "!=", "\\leqslant": "<=", "\\geqslant": ">=", "\\ast": "*", "\\degree": "^\\circ", "\\land": ",",
    "\\lor": ",", "\\implies": "=", "\\varnothing": "\\emptyset",
}  # fmt: skip
_SYMBOLS = str.maketrans({
    "\u2212": "-", "\u2013": "-", "\xd7": "*", "\xf7": "/", "\u22c5": "*", "\xb7": "*", "\u2264": "<=",
    "\u2265": ">=", "\u03c0": "\\pi ", "\u221e": "\\infty ", "\u222a": "\\cup ", "\xb0": "^\\circ ",
    "\xa0": " ", "\u221a": "\\sqrt ", "\xb2": "^2", "\xb3": "^3", "\u2208": "\\in ", "\xb1": "\\pm ",
    "\u03b8": "\\theta ", "\u2044": "/", "\xbd": "\\frac12 ", "\xbc": "\\frac14 ", "\xbe": "\\frac34 ",
})  # fmt: skip
_NAMES = re.compile(
    "(?:"
    + "|".join(re.escape(name) for name in sorted(_REPLACED, key=len, reverse=True))
    + ")(?![A-Za-z])"
)


def cleaned(surface: str) -> str:
    """The surface without box, markup, sizes of brackets, units, percent, degrees and currency."""
    text = surface.translate(_SYMBOLS).strip().strip("*`").strip()
    if found := _BOX.fullmatch(text):
        text = found[1]
    for dropped in ("\\(", "\\)", "\\[", "\\]", "\\$"):
        text = text.replace(dropped, "")
    text = text.replace("{,}", ",").replace(",\\!", ",")
    for dropped in _DROPPED:
        text = text.replace(dropped, " ")
    text = _NAMES.sub(lambda match: _REPLACED[match[0]], text)
    text = _DEGREES.sub(" ", _UNIT.sub(" ", text))
    text = _TEXT.sub(lambda match: f" {match[1]} ", text)
    return _UNIT_WORDS.sub("", " ".join(text.split()).rstrip(".,; "))
