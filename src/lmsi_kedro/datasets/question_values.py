"""Converts values of a question file to text, whether from JSON, a spreadsheet or a typed table."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from lmsi_kedro.datasets.question_columns import MalformedError

LONGEST = 5_000  # maximum digits to write out; a longer number such as 1E+9999 is unchanged
Scalar = str | bool | int | float | Decimal | date | time


def text_of(value: Any, column: str) -> str | None:
    """Returns the text without surrounding spaces, or None if it is empty."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise MalformedError(f"{column} must be a string, not {name_of(value)}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise MalformedError(
            f"{column} has a lone surrogate (character {error.start + 1})"
        ) from None
    return value.strip() or None


def written(value: Scalar, column: str) -> str | None:
    """Formats a string, number, date or Boolean in the way people write it; returns None for an empty string."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        exact = Decimal(repr(value) if isinstance(value, float) else value)
        if not exact.is_finite():
            raise MalformedError(f"{column} is {value}, which is not an answer: leave it out")
        return number(exact)
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()  # tables store a date as its midnight
    if isinstance(value, date | time):
        return value.isoformat()
    return text_of(value, column)


def number(value: Decimal) -> str:
    """Writes a number with all its digits, but 7.0 as 7: tables with missing values store integers like this."""
    if abs(value.adjusted()) > LONGEST:
        return str(value)
    digits = format(value, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def name_of(value: Any) -> str:
    """Returns the type of a value in words."""
    names = {
        bool: "true or false", str: "a string", list: "a list", dict: "an object", bytes: "bytes",
        int: "a number", float: "a number", Decimal: "a number", date: "a date", datetime: "a date",
    }  # fmt: skip
    return names.get(type(value), f"a {type(value).__name__}")
