"""Exact expressions in a normal form: sums of monomials over the rationals.

A monomial is a product of atoms with integer exponents. An atom is a variable, pi, i, a square root of a
square-free integer, or an expression without a simpler form (a function, an inverse of a sum), which is named by
its own key. Equal polynomials, fractions and radicals therefore have equal keys, without pairwise comparison,
rounding or search. Expressions that grow beyond the limits (MOST_TERMS and so on) have no normal form. The length
of an atom's name is limited, too, since each power of a sum repeats it: without this limit, an answer of 92
characters had a key of 740 MB.
"""

import math
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

from .reference.values import LIMIT, decimal
from .reference.values import key as number_key

MOST_TERMS, MOST_POWER, MOST_BITS, MOST_RADICAND, MOST_NAME = 32, 12, 2000, 10**8, 1000
Monomial = tuple[tuple[str, int], ...]
Sum = dict[Monomial, Fraction]


class RefusedError(ValueError):
    """The expression has no supported normal form."""


def constant(value: Fraction | int) -> Sum:
    return {(): Fraction(value)} if value else {}


def atom(name: str, power: int = 1) -> Sum:
    if len(name) > MOST_NAME:
        raise RefusedError("the name of an atom is too long")
    return {((name, power),): Fraction(1)}


def rational(x: Sum) -> Fraction | None:
    """The value of a sum that is a number, or None."""
    return x.get((), Fraction(0)) if len(x) == (() in x) else None


def _checked(x: Sum) -> Sum:
    bits = max(
        (max(c.numerator.bit_length(), c.denominator.bit_length()) for c in x.values()), default=0
    )
    if len(x) > MOST_TERMS or bits > MOST_BITS:
        raise RefusedError("too large")
    return {monomial: c for monomial, c in x.items() if c}


def add(a: Sum, b: Sum, sign: int = 1) -> Sum:
    result = dict(a)
    for monomial, c in b.items():
        result[monomial] = result.get(monomial, Fraction(0)) + sign * c
    return _checked(result)


@lru_cache(maxsize=4096)
def _square_part(n: int) -> tuple[int, int]:
    """Returns (a, b), where n = a * a * b and b is square-free."""
    if n > MOST_RADICAND:
        raise RefusedError("a radicand is too large")
    outside, inside, p = 1, 1, 2
    while p * p * p <= n:
        while n % (p * p) == 0:
            outside, n = outside * p, n // (p * p)
        if n % p == 0:
            inside, n = inside * p, n // p
        p += 1
    # The rest has at most two prime factors, so it is a square or square-free.
    side = math.isqrt(n)
    return (outside * side, inside) if side * side == n else (outside, inside * n)


def _product(a: Monomial, b: Monomial, factor: Fraction) -> tuple[Fraction, Monomial]:
    """Multiplies two monomials and a factor; i * i becomes -1, and roots of numbers are joined into one."""
    powers: dict[str, int] = {}
    radicand = 1
    for name, power in (*a, *b):
        if name.startswith("root "):
            n = int(name[5:])
            if power != 1:
                factor *= Fraction(n) ** (power // 2)
            radicand *= n if power % 2 else 1
        else:
            powers[name] = powers.get(name, 0) + power
    if "i" in powers:
        turns = powers.pop("i") % 4
        factor = -factor if turns >= 2 else factor
        powers["i"] = turns % 2
    if radicand > 1:
        outside, inside = _square_part(radicand)
        factor *= outside
        powers[f"root {inside}"] = int(inside > 1)
    return factor, tuple(sorted((n, p) for n, p in powers.items() if p))


def multiply(a: Sum, b: Sum) -> Sum:
    if len(a) * len(b) > 4 * MOST_TERMS:
        raise RefusedError("too many terms")
    result: Sum = {}
    for m, c in a.items():
        for n, d in b.items():
            factor, monomial = _product(m, n, c * d)
            result[monomial] = result[monomial] + factor if monomial in result else factor
    return _checked(result)


def _conjugate(x: Sum) -> Sum | None:
    """The conjugate a - b sqrt(n) of a sum a + b sqrt(n); None for other sums."""
    roots = [m for m in x if m]
    if len(x) != 2 or any(
        len(m) > 1 or not (m[0][0].startswith("root ") or m[0][0] == "i") for m in roots
    ):
        return None
    return {m: -c if m == roots[-1] else c for m, c in x.items()}


def inverse(x: Sum) -> Sum:
    if not x:
        raise RefusedError("division by zero")
    if len(x) == 1:
        ((monomial, c),) = x.items()
        factor, inverted = _product(tuple((name, -power) for name, power in monomial), (), 1 / c)
        return {inverted: factor}
    if conjugate := _conjugate(x):
        return multiply(conjugate, inverse(multiply(x, conjugate)))
    leading = x[min(x)]
    return multiply(constant(1 / leading), atom(f"1/({key(multiply(x, constant(1 / leading)))})"))


def _power(x: Sum, n: int) -> Sum:
    """Computes the power by squaring: for (x + y)^12, this takes 83 products of terms instead of 156."""
    result = constant(1)
    while n:
        result = multiply(result, x) if n & 1 else result
        n >>= 1
        x = multiply(x, x) if n else x
    return result


def power(x: Sum, exponent: Sum) -> Sum:
    n, base = rational(exponent), rational(x)
    if (
        n is not None
        and n.denominator == 1
        and abs(n) <= MOST_POWER * (4 if base is not None else 1)
    ):
        result = _power(x, abs(int(n)))
        return inverse(result) if n < 0 else result
    if n is not None and n.denominator == 2 and abs(n) <= MOST_POWER:
        return power(root(x), constant(2 * n))
    return atom(f"({key(x)})^({key(exponent)})")


def root(x: Sum, degree: int = 2) -> Sum:
    """The square root of a number in lowest terms, or another root if it is exact; otherwise a new atom."""
    value = rational(x)
    if value is None or (value < 0 and degree != 2):
        return atom(f"root{degree}({key(x)})")
    n, below = abs(value.numerator), value.denominator
    if degree == 2:
        outside, inside = _square_part(n * below)
        monomial = ((("i", 1),) if value < 0 else ()) + (
            ((f"root {inside}", 1),) if inside > 1 else ()
        )
        return {monomial: Fraction(outside, below)} if n else {}
    tops = [_even_root(part, degree) for part in (n, below)]
    return (
        constant(Fraction(tops[0], tops[1]))
        if tops[0] ** degree == n and tops[1] ** degree == below
        else (atom(f"root{degree}({key(x)})"))
    )


def _even_root(n: int, degree: int) -> int:
    low, high = 0, 1 << (n.bit_length() // degree + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**degree <= n else (low, middle - 1)
    return low


def joined(parts: Iterable[str], separator: str) -> str:
    return separator.join(parts)


def key(x: Sum) -> str:
    """The key of a sum: "num:" and the value of a number, otherwise "math:" and the terms in order."""
    value = rational(x)
    if value is not None:
        if value.denominator == 1:
            return number_key(decimal(str(abs(value.numerator)), 0), value < 0)
        small = abs(value.numerator) <= LIMIT and value.denominator <= LIMIT
        return number_key(abs(value), value < 0) if small else f"math:{value}"
    terms = (
        f"{c}*" * (c != 1) + joined((name if p == 1 else f"{name}^{p}" for name, p in m), "*")
        if m
        else str(c)
        for m, c in sorted(x.items())
    )
    return "math:" + joined(terms, "+")
