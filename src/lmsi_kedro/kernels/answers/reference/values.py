"""Exact numbers and their keys. Decimals are stored as digits, fractions as two integers; no double is used.

A decimal stores its digits and its power of ten separately, so that 1e999999999 is cheap. If a decimal needs more
than 38 digits (128 bits) when it is written as an integer or a fraction, its key consists of digits and an
exponent. A fraction that needs more than 38 digits has no key.
"""

from fractions import Fraction
from typing import NamedTuple

LIMIT = 10**38
DIGITS = 38
EXPONENT_DIGITS = 15


class Decimal(NamedTuple):
    """digits * 10 ** exponent; digits without leading or trailing zeros, empty for zero."""

    digits: str
    exponent: int


Value = Decimal | Fraction


def decimal(digits: str, exponent: int) -> Decimal:
    kept = digits.rstrip("0")
    exponent += len(digits) - len(kept)
    kept = kept.lstrip("0")
    return Decimal(kept, exponent) if kept else Decimal("", 0)


def bounded(value: Decimal) -> Decimal | None:
    """The value, or None if its exponent has so many digits that its key could not be parsed again."""
    return value if abs(value.exponent) < 10**EXPONENT_DIGITS else None


def limited(value: Fraction) -> Fraction | None:
    return value if value.numerator <= LIMIT and value.denominator <= LIMIT else None


def fraction(value: Value) -> Fraction | None:
    """The value as a fraction of 128-bit integers, or None if it does not fit."""
    if isinstance(value, Fraction):
        return value
    digits, exponent = value
    if len(digits) > DIGITS or abs(exponent) > 126:
        return None
    return limited(Fraction(int(digits or 0)) * Fraction(10) ** exponent)


def quotient(above: Value, below: Value) -> Fraction | None:
    a, b = fraction(above), fraction(below)
    return None if a is None or b is None or b == 0 else limited(a / b)


def total(a: Value, b: Value) -> Fraction | None:
    """a + b for a whole number and a proper fraction."""
    x, y = fraction(a), fraction(b)
    return None if x is None or y is None or x.denominator != 1 else limited(x + y)


def shifted(value: Value, power: int) -> Value | None:
    """value * 10 ** power."""
    if isinstance(value, Decimal):
        return bounded(Decimal(value.digits, value.exponent + power)) if value.digits else value
    return limited(value * Fraction(10) ** power)


def powered(value: Decimal, power: int) -> Decimal | None:
    """value ** power if the result is small: a power of ten, or an integer below 10 ** 38."""
    if value.digits == "1":
        small = abs(value.exponent) <= 1000
        return bounded(Decimal("1", value.exponent * power)) if small else None
    if not value.digits:
        return value if power > 0 else None
    if not 0 <= power <= 126 or len(value.digits) > DIGITS:
        return None
    result = int(value.digits) ** power
    return bounded(decimal(str(result), value.exponent * power)) if result <= LIMIT else None


def key(value: Value, negative: bool = False) -> str:
    sign = "-" if negative else ""
    exact = fraction(value)
    if exact is None:
        assert isinstance(value, Decimal)
        return f"num:{sign}{value.digits}e{value.exponent}"
    if exact == 0:
        return "num:0"
    bottom = "" if exact.denominator == 1 else f"/{exact.denominator}"
    return f"num:{sign}{exact.numerator}{bottom}"
