"""Quantities of more than one number: 2 hours 30 minutes, 5'6", 2h30m, 4 10/3, 2 million 500 thousand.

Such a quantity is not a number: its value depends on the unit, which is not given. Two numbers with a comma or
"and" between them belong together only if the second unit is a smaller unit of the same measure. "2 apples and 3
pears" is therefore not such a quantity, and its first number can be an answer.
"""

from .characters import char, digit, letter, skip_spaces, space, word_at, word_end, word_set
from .number_words import PARTS, number_words
from .powers import SCALES

_MEASURES = (  # from the largest unit of a measure to its smallest
    ("year years yr yrs", "month months", "week weeks", "day days", "hour hours hr hrs h",
     "minute minutes min mins m", "second seconds sec secs s"),
    ("mile miles mi", "yard yards yd yds", "foot feet ft", "inch inches in"),
    ("kilometer kilometers kilometre kilometres km", "meter meters metre metres m",
     "centimeter centimeters centimetre centimetres cm",
     "millimeter millimeters millimetre millimetres mm"),
    ("ton tons tonne tonnes", "kilogram kilograms kilo kilos kg", "gram grams g"),
    ("stone stones", "pound pounds lb lbs", "ounce ounces oz"),
    ("gallon gallons", "quart quarts", "pint pints", "cup cups", "tablespoon tablespoons",
     "teaspoon teaspoons"),
    ("liter liters litre litres l", "milliliter milliliters millilitre millilitres ml"),
    ("dollar dollars euro euros pound pounds", "cent cents penny pennies pence p"),
    ("degree degrees", "minute minutes", "second seconds"),
)  # fmt: skip
_UNITS = [
    (word, measure, rank)
    for measure, units in enumerate(_MEASURES)
    for rank, words in enumerate(units)
    for word in words.split(" ")
]
_WRAPPERS = word_set("text mathrm textrm mbox quad qquad")
_ABBREVIATED = 3  # maximum letters of a unit whose full stop does not end a sentence (5 ft. 6 in.)
_ARC = "'\xb0"  # feet, degrees and minutes of arc


def _gap(s: str, i: int, end: int, dollars: bool) -> int:
    """Skips spaces, braces and LaTeX between a number and its unit."""
    while i < end:
        if s[i] == "\\" and word_at(s, i + 1, end) in _WRAPPERS:
            i = word_end(s, i + 1, end)
        elif s[i] == "\\" and char(s, i + 1, end) in ",;: ":
            i += 2
        elif space(s[i]) or s[i] in "{}~" or (dollars and s[i] == "$"):
            i += 1
        else:
            break
    return i


def _is_above(unit: str, smaller: str | None = None) -> bool:
    """Whether some measure contains `unit` and the smaller unit `smaller` (any smaller unit if it is None)."""
    above = [(measure, rank) for word, measure, rank in _UNITS if word == unit]
    return any(
        measure == m and rank < r
        for word, m, r in _UNITS
        if word == smaller or smaller is None
        for measure, rank in above
    )


def _counted(s: str, i: int, end: int) -> int:
    """The end of the number at i, or 0 if there is none."""
    if not digit(char(s, i, end)):
        words = number_words(s, i, end) if letter(char(s, i, end)) else None
        return words.end if words else 0
    while i < end and (digit(s[i]) or (s[i] in ".,/" and digit(char(s, i + 1, end)))):
        i += 1
    return i


def _two_numbers(s: str, i: int, end: int) -> bool:
    """Whether the number at i belongs to the same quantity as the number before it.

    It does in "4 10/3", "7 8" and "2 million 500 thousand". It does not if it describes something that the first
    number counts: "6 12-inch pizzas", "10 6 inch tiles".
    """
    after = _counted(s, i, end)
    word = word_at(s, skip_spaces(s, after, end), end)
    counts = bool(word) or (char(s, after, end) == "-" and letter(char(s, after + 1, end)))
    return not counts or word in SCALES or "/" in s[i:after]


def _joined(s: str, i: int, end: int, dollars: bool) -> int:
    """The position after a comma, "and" or both, or 0 if there is neither."""
    comma = char(s, i, end) == ","
    j = _gap(s, i + comma, end, dollars)
    if word_at(s, j, end) == "and":
        return _gap(s, j + 3, end, dollars)
    if char(s, j, end) in "&+":
        return _gap(s, j + 1, end, dollars)
    return j if comma else 0


def _goes_on(s: str, i: int, end: int, unit: str, dollars: bool) -> bool:
    """Whether the quantity with `unit` before i continues with a smaller one: "and 30 minutes", "and a half"."""
    k = _joined(s, i, end, dollars)
    if not k:
        return False
    half = skip_spaces(s, k + 1, end) if word_at(s, k, end) == "a" else k
    if word_at(s, half, end) in PARTS:
        return _is_above(unit)
    after = _counted(s, k, end)
    return after > 0 and _is_above(unit, word_at(s, _gap(s, after, end, dollars), end))


def _attached(s: str, i: int, end: int) -> bool:
    """Whether the digits directly after a unit begin a smaller quantity (2h30) and are not a power (km2)."""
    single = not digit(char(s, i + 1, end)) and not letter(char(s, i + 1, end))
    return not (s[i] in "23" and single)


def _unit_goes_on(s: str, j: int, end: int, dollars: bool) -> bool:
    """Whether a quantity in a smaller unit follows the unit at j: 2 hours 30 minutes, 5 ft. 6 in, 2h30."""
    unit, k = word_at(s, j, end), word_end(s, j, end)
    dotted = char(s, k, end) == "." and k - j <= _ABBREVIATED
    after = _gap(s, k + dotted, end, dollars)
    if not digit(char(s, after, end)):
        return _goes_on(s, k, end, unit, dollars)
    if after == k and not _attached(s, k, end):
        return False
    second = _gap(s, _counted(s, after, end), end, dollars)
    smaller = word_at(s, second, end)
    return char(s, second, end) != "%" and _is_above(unit, smaller or None)


def compound(s: str, i: int, end: int, money: bool = False) -> bool:
    """Whether the quantity whose first number ends at i has a second number.

    `money`: the first number has a currency sign.
    """
    j = skip_spaces(s, i, end)
    if j > i and digit(char(s, j, end)):
        return _two_numbers(s, j, end)
    dollars = char(s, i, end) == "$"  # $2$ hours $30$ minutes
    j = _gap(s, i, end, dollars)
    if char(s, j, end) in _ARC and digit(char(s, skip_spaces(s, j + 1, end), end)):
        return True
    if letter(char(s, j, end)) and word_at(s, j, end) != "and":
        return _unit_goes_on(s, j, end, dollars)
    return money and _goes_on(s, i, end, "dollar", dollars)
