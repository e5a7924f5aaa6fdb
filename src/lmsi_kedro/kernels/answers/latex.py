"""Parses LaTeX and plain expressions into normal forms by recursive descent.

Depth and length are bounded, and every character is visited a bounded number of times. Unsupported input raises
RefusedError, and the caller then compares the wording instead.
"""

import math
from fractions import Fraction

from .algebra import (
    RefusedError,
    Sum,
    add,
    atom,
    constant,
    inverse,
    key,
    multiply,
    power,
    rational,
    root,
)

MOST_DEPTH = 40
_FUNCTIONS = (
    "\\arcsin",
    "\\arccos",
    "\\arctan",
    "\\sin",
    "\\cos",
    "\\tan",
    "\\cot",
    "\\sec",
    "\\csc",
    "\\log",
    "\\ln",
)
_CONSTANTS = {
    "\\pi": "pi",
    "\\infty": "oo",
    "\\theta": "theta",
    "\\alpha": "alpha",
    "\\beta": "beta",
}
_TIMES = ("\\cdot", "\\times", "**", "*")


class Parser:
    """A parser of one expression."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0

    def taken(self, *tokens: str) -> str:
        """Consumes and returns the first of the tokens with which the remaining text begins.

        Returns an empty string if it begins with none of them.
        """
        while self.text.startswith(" ", self.at):
            self.at += 1
        for token in tokens:
            if self.text.startswith(token, self.at):
                after = self.text[self.at + len(token) : self.at + len(token) + 1]
                if token[0] == "\\" and token[-1].isalpha() and after.isalpha():
                    continue
                self.at += len(token)
                return token
        return ""

    def expect(self, token: str) -> None:
        if not self.taken(token):
            raise RefusedError(f"expected {token}")

    def next(self) -> str:
        while self.text.startswith(" ", self.at):
            self.at += 1
        return self.text[self.at : self.at + 1]

    def whole(self) -> Sum:
        result = self.sum()
        if self.next():
            raise RefusedError("text after the expression")
        return result

    def sum(self) -> Sum:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise RefusedError("too deep")
        sign = self.taken("+", "-")
        result = self.product()
        if sign == "-":
            result = multiply(constant(-1), result)
        while sign := self.taken("+", "-"):
            result = add(result, self.product(), -1 if sign == "-" else 1)
        self.depth -= 1
        return result

    def product(self) -> Sum:
        result = self.power()
        while True:
            if self.next() == "^":
                raise RefusedError("a power without a base")
            if self.text.startswith("**", self.at):
                raise RefusedError("a power without a base")
            if self.taken(*_TIMES):
                negative = bool(self.taken("-"))
                factor = self.power()
                result = multiply(result, multiply(constant(-1), factor) if negative else factor)
            elif self.taken("/", "\\div"):
                result = multiply(result, inverse(self.power()))
            elif self.next() and (
                self.next().isalpha() or (self.next() in "(\\{" and not self.closes())
            ):
                result = multiply(result, self.power())
            else:
                return result

    def closes(self) -> bool:
        return self.text.startswith(("\\}", "\\div"), self.at)

    def power(self) -> Sum:
        base = self.postfix()
        if self.taken("^", "**"):
            return power(base, self.argument(signed=True))
        return base

    def postfix(self) -> Sum:
        result = self.primary()
        while self.taken("!"):
            n = rational(result)
            if n is None or n.denominator != 1 or not 0 <= n <= 25:
                raise RefusedError("an unsupported factorial")
            result = constant(math.factorial(int(n)))
        return result

    def argument(self, signed: bool = False) -> Sum:
        """Parses an argument: {...}, or one digit, letter or command."""
        if self.taken("{"):
            result = self.sum()
            self.expect("}")
            return result
        if signed and self.taken("-"):
            return multiply(constant(-1), self.argument())
        c = self.next()
        if not signed and (c.isdecimal() or (c.isascii() and c.isalpha())):
            self.at += 1
            return constant(int(c)) if c.isdecimal() else atom(c)
        return self.primary()

    def number(self) -> Sum:
        """Parses digits and decimals. If a proper \\frac of integers follows them, they are a mixed number."""
        start = self.at
        while self.text[self.at : self.at + 1].isdecimal():
            self.at += 1
        whole = self.text[start : self.at] or "0"
        decimals = ""
        if self.text.startswith(".", self.at):
            self.at += 1
            start = self.at
            while self.text[self.at : self.at + 1].isdecimal():
                self.at += 1
            decimals = self.text[start : self.at]
        if len(whole) + len(decimals) > 300:
            raise RefusedError("too many digits")
        value = Fraction(int(whole + decimals), 10 ** len(decimals))
        if self.taken("\\overline{"):
            return constant(value + self.repeating(len(decimals)))
        if self.taken("_"):
            return atom(f"{whole}_{key(self.argument())}")
        if not decimals and self.text.startswith("\\frac", self.at):
            part = rational(self.primary())
            if part is None or not 0 < part < 1:
                raise RefusedError("a product without a sign")
            value += part
        return constant(value)

    def repeating(self, shift: int) -> Fraction:
        start = self.at
        self.at = self.text.index("}", start) if "}" in self.text[start:] else start
        digits = self.text[start : self.at]
        self.expect("}")
        if not digits.isdecimal():
            raise RefusedError("no digits under \\overline")
        return Fraction(int(digits), (10 ** len(digits) - 1) * 10**shift)

    def primary(self) -> Sum:
        c = self.next()
        if c.isdecimal() or (c == "." and self.text[self.at + 1 : self.at + 2].isdecimal()):
            return self.number()
        for opening, closing in (("(", ")"), ("{", "}"), ("[", "]")):
            if self.taken(opening):
                result = self.sum()
                self.expect(closing)
                return result
        if c.isascii() and c.isalpha():
            self.at += 1
            name = c
            if self.taken("_"):
                name += "_" + key(self.argument())
            return atom(name)
        return self.command()

    def command(self) -> Sum:
        # The depth is not decremented afterwards, so it bounds the number of all commands, nested or not.
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise RefusedError("too many commands")
        if self.taken("\\frac"):
            above = self.argument()
            return multiply(above, inverse(self.argument()))
        if self.taken("\\sqrt"):
            degree = 2
            if self.taken("["):
                n = rational(self.sum())
                self.expect("]")
                if n is None or n.denominator != 1 or not 2 <= n <= 9:
                    raise RefusedError("an unsupported degree of a root")
                degree = int(n)
            return root(self.argument(), degree)
        if self.taken("\\binom"):
            n, k = (rational(self.argument()) for _ in range(2))
            if (
                n is None
                or k is None
                or n.denominator * k.denominator != 1
                or not 0 <= k <= n <= 100
            ):
                raise RefusedError("an unsupported binomial")
            return constant(math.comb(int(n), int(k)))
        if name := self.taken(*_CONSTANTS):
            return atom(_CONSTANTS[name])
        if name := self.taken(*_FUNCTIONS):
            return self.function(name[1:])
        raise RefusedError("an unsupported command or character")

    def function(self, name: str) -> Sum:
        if self.taken("_"):
            name += f"_{key(self.argument())}"
        exponent = self.argument() if self.taken("^") else constant(1)
        argument = self.power()
        while self.next().isalnum() or self.text.startswith(("\\pi", "\\theta"), self.at):
            argument = multiply(argument, self.power())
        return power(atom(f"{name}({key(argument)})"), exponent)


def expression(text: str) -> Sum:
    """The normal form of an expression; raises RefusedError if there is none."""
    return Parser(text).whole()
