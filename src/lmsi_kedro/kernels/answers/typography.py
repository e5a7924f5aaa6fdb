"""Gives each mathematical symbol one spelling, and removes typography, units, percent signs and degree signs.

Spaces and thin commas between groups of three digits are removed, too: 11\\,111 and 11,\\! 111 become 11111.
"""

import re

_BRACES = r"\s?\{([^{}]*)\}"
_UPRIGHT = "text|mathrm|textrm|mbox"
_BOX = re.compile(r"\$*\s*\\(?:boxed|fbox)\s?\{(.*)\}[\s$.]*")
_THIN = r"(?:\\[,;:! ]|[ ~\xa0\u2009\u202f]|(?:,|\{,\})\s*\\!\s*)"
_GROUPS = re.compile(rf"(?<![\d.,])\d{{1,3}}(?:{_THIN}\d{{3}})+(?![\d,])")
_MIXED = re.compile(r"(?<![\d.\w])(\d+) (\d+)/(\d+)(?![\d.\w/])")
_RAISED = "\u2070\xb9\xb2\xb3\u2074\u2075\u2076\u2077\u2078\u2079\u207a\u207b"
_LOWERED = "\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089"
_SCRIPTS = re.compile(f"([{_RAISED}]+)|[{_LOWERED}]+")
_LEVEL = str.maketrans(_RAISED + _LOWERED, "0123456789+-0123456789")
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
    "\xa0": " ", "\u221a": "\\sqrt ", "\u2208": "\\in ", "\xb1": "\\pm ",
    "\u03b8": "\\theta ", "\u2044": "/", "\xbd": "\\frac12 ", "\xbc": "\\frac14 ", "\xbe": "\\frac34 ",
})  # fmt: skip
_NAMES = re.compile(
    "(?:"
    + "|".join(re.escape(name) for name in sorted(_REPLACED, key=len, reverse=True))
    + ")(?![A-Za-z])"
)


def _script(match: re.Match[str]) -> str:
    """Writes superscript digits as an exponent, and subscript digits as an index."""
    return f"{'^' if match[1] else '_'}{{{match[0].translate(_LEVEL)}}}"


def cleaned(surface: str) -> str:
    """The surface without box, markup, sizes of brackets, units, and signs of percent, degree and currency."""
    text = _SCRIPTS.sub(_script, surface).translate(_SYMBOLS).strip().strip("*`").strip()
    if found := _BOX.fullmatch(text):
        text = found[1]
    for dropped in ("\\(", "\\)", "\\[", "\\]", "\\$"):
        text = text.replace(dropped, "")
    text = _GROUPS.sub(lambda match: re.sub(r"\D", "", match[0]), text)
    text = text.replace("{,}", ",").replace("{.}", ".").replace(",\\!", ",")
    text = re.sub(r"(?<!\\)\\ ", " ", text)
    for dropped in _DROPPED:
        text = text.replace(dropped, " ")
    text = _NAMES.sub(lambda match: _REPLACED[match[0]], text)
    text = _DEGREES.sub(" ", _UNIT.sub(" ", text))
    text = _TEXT.sub(lambda match: f" {match[1]} ", text)
    return _MIXED.sub(_mixed, _UNIT_WORDS.sub("", " ".join(text.split()).rstrip(".,; ")))


def _mixed(match: re.Match[str]) -> str:
    """Writes a whole number and a proper fraction (1 1/2) with \\frac; leaves other matches unchanged."""
    whole, above, below = match.groups()
    return f"{whole}\\frac{{{above}}}{{{below}}}" if int(above) < int(below) else match[0]
