"""Maps every character to a code below 256, so that both implementations scan the same string.

Look-alikes (full-width digits, dashes, quotes, thin spaces) become their plain equivalents, symbols that
are used in numbers have their own codes, and everything else becomes a letter or a symbol.
A folded text has as many characters as the original, so positions are the same in both.
"""

ROOT, PI, ALMOST, THIRD, INFINITY, ARROW = "\x81", "\x82", "\x83", "\x84", "\x90", "\x91"
RAISED_ZERO, RAISED_NINE, RAISED_MINUS, LOWERED = "\x92", "\x9b", "\x9c", "\x9d"
AT_MOST, AT_LEAST = "\x9e", "\x9f"
NO_BREAK, CURRENCY, OTHER_SYMBOL, IGNORED, DOT, TIMES, DIVIDED, OTHER_LETTER = (
    "\xa0", "\xa4", "\xa6", "\xad", "\xb7", "\xd7", "\xf7", "\xff",
)  # fmt: skip

_RANGES = (  # first, last, folded
    (0x80, 0x9F, OTHER_SYMBOL),
    (0x100, 0x52F, OTHER_LETTER),
    (0x2000, 0x200A, NO_BREAK),
    (0x200B, 0x200F, IGNORED),
    (0x2010, 0x2015, "-"),
    (0x2018, 0x201B, "'"),
    (0x201C, 0x201F, '"'),
    (0x2028, 0x2029, "\n"),
    (0x2080, 0x2089, LOWERED),
    (0x20A0, 0x20CF, CURRENCY),
)
_RUNS = (  # first, last, the code of the first; the others have the codes after it
    (0x2074, 0x2079, "\x96"),
    (0x2153, 0x215E, THIRD),
    (0xFF01, 0xFF5E, "!"),
)
_SINGLE = {
    0xAB: '"', 0xB2: "\x94", 0xB3: "\x95", 0xB9: "\x93", 0xBB: '"', 0x3C0: PI, 0x2022: DOT,
    0x202F: NO_BREAK, 0x2032: "'", 0x2033: '"', 0x2044: "/", 0x205F: NO_BREAK, 0x2060: IGNORED,
    0x2070: RAISED_ZERO, 0x207B: RAISED_MINUS, 0x2192: ARROW, 0x21D2: ARROW, 0x2212: "-", 0x2215: "/",
    0x2217: "*", 0x2219: DOT, 0x221A: ROOT, 0x221E: INFINITY, 0x2236: ":", 0x2243: ALMOST,
    0x2245: ALMOST, 0x2248: ALMOST, 0x2264: AT_MOST, 0x2265: AT_LEAST, 0x22C5: DOT, 0x2715: TIMES,
    0x2716: TIMES, 0x3000: NO_BREAK, 0x3001: ",", 0x3002: ".", 0xFEFF: IGNORED,
}  # fmt: skip


def fold_code(code: int) -> str:
    """The folded character of a code point."""
    if code < 0x80:
        return chr(code)
    if code in _SINGLE:
        return _SINGLE[code]
    for first, last, folded in _RUNS:
        if first <= code <= last:
            return chr(ord(folded) + code - first)
    for first, last, folded in _RANGES:
        if first <= code <= last:
            return folded
    return chr(code) if code < 0x100 else OTHER_SYMBOL


class _Table(dict[int, str]):
    def __missing__(self, code: int) -> str:
        self[code] = folded = fold_code(code)
        return folded


_TABLE = _Table()


def fold(text: str, comma: bool = False) -> str:
    """The folded text; with `comma`, decimal commas become points (1.234,5 becomes 1,234.5)."""
    s = text.translate(_TABLE)
    return pointed(s) if comma else s


def pointed(s: str) -> str:
    """Turns commas between digits into points, and points before exactly three digits into commas."""
    chars, end = list(s), len(s)
    for i, c in enumerate(s):
        braced = char(s, i - 1, end) == "{" and char(s, i + 1, end) == "}"  # 3{,}5
        first = i + 1 + braced
        if c not in ",." or not digit(char(s, i - 1 - braced, end)):
            continue
        digits = next((k for k in range(4) if not digit(char(s, first + k, end))), 4)
        if c == "," and digits:
            chars[i] = "."
        elif c == "." and digits == 3:
            chars[i] = ","
    return "".join(chars)


def digit(c: str) -> bool:
    return "0" <= c <= "9"


def raised(c: str) -> bool:
    return RAISED_ZERO <= c <= RAISED_NINE


def letter(c: str) -> bool:
    return "a" <= c <= "z" or "A" <= c <= "Z" or (c >= "\xc0" and c not in (TIMES, DIVIDED))


def upper(c: str) -> bool:
    return "A" <= c <= "Z"


def space(c: str) -> bool:
    return c in " \t\n\r\v\f\xa0"


def lower_code(code: int) -> int:
    """The lower-case code point by arithmetic: ASCII, Latin-1, Latin Extended-A, Greek, Cyrillic."""
    if 0x41 <= code <= 0x5A or (0xC0 <= code <= 0xDE and code != 0xD7):
        return code + 32
    if 0x391 <= code <= 0x3A9 or 0x410 <= code <= 0x42F:
        return code + 32
    if 0x400 <= code <= 0x40F:
        return code + 80
    if 0x100 <= code <= 0x137 or 0x14A <= code <= 0x177:
        return code | 1
    if 0x139 <= code <= 0x148 or 0x179 <= code <= 0x17E:
        return code + (code & 1)
    return code


def lower(c: str) -> str:
    return chr(lower_code(ord(c)))


def plain(text: str) -> str:
    """The form in which wordings are compared: lower case, look-alikes as ASCII, white space as plain spaces."""
    pairs = ((c, fold_code(ord(c))) for c in text)
    return "".join(" " if space(f) else lower(f if f < "\x80" else c) for c, f in pairs)


def lowered(s: str) -> str:
    """A folded string in ASCII lower case, the form in which words are compared."""
    return "".join(chr(ord(c) + 32) if upper(c) else c for c in s)


def skip_spaces(s: str, i: int, end: int) -> int:
    while i < end and space(s[i]):
        i += 1
    return i


def digit_run(s: str, i: int, end: int) -> int:
    while i < end and digit(s[i]):
        i += 1
    return i


def word_end(s: str, i: int, end: int) -> int:
    while i < end and letter(s[i]):
        i += 1
    return i


def word_at(s: str, i: int, end: int) -> str:
    return lowered(s[i : word_end(s, i, end)])


def word_set(words: str) -> frozenset[str]:
    """The set of the words in a string."""
    return frozenset(words.split())


def char(s: str, i: int, end: int) -> str:
    """The character at i, or NUL outside the range, so that scanners need no bounds checks."""
    return s[i] if 0 <= i < end else "\0"
