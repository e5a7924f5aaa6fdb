"""Escapes control characters in text from models, files and servers before a terminal or a page shows it.

An escape sequence could recolour or overwrite the terminal, and characters that change the text direction could
disguise the content of a page. Also writes numbers with their nouns.
"""

import logging

LEFT = {ord("\n"), ord("\t")}
CONTROLS = {*range(0x20), *range(0x7F, 0xA0)} - LEFT
DIRECTIONS = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
BREAKS = {0x2028, 0x2029}
SURROGATES = set(range(0xD800, 0xE000))  # a lone surrogate cannot be encoded
WRITTEN = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in CONTROLS | DIRECTIONS | BREAKS | SURROGATES
}


def printable(text: str) -> str:
    """Returns the text with control and formatting characters escaped, as in \\x1b or \\u202e."""
    return text.translate(WRITTEN)


def counted(number: int, noun: str) -> str:
    """Returns the number with its noun: "1 question", "2,000 questions", "2 processes"."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


class Printable(logging.Filter):
    """A filter for a log handler that makes messages and tracebacks printable."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = printable(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = printable(logging.Formatter().formatException(record.exc_info))
        return True
