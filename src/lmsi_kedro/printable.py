"""Text of models, files and servers as a terminal or a page may show it: what would act there is written out.

An escape sequence could recolour or overwrite what a terminal shows, and marks that turn the direction of text
could make a page read otherwise.
"""

import logging

LEFT = {ord("\n"), ord("\t")}
CONTROLS = {*range(0x20), *range(0x7F, 0xA0)} - LEFT
DIRECTIONS = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
BREAKS = {0x2028, 0x2029}
SURROGATES = set(range(0xD800, 0xE000))  # half a pair is no character that could be written
WRITTEN = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in CONTROLS | DIRECTIONS | BREAKS | SURROGATES
}


def printable(text: str) -> str:
    """The text with \\x1b, \\u202e and their like for characters that are not shown but obeyed."""
    return text.translate(WRITTEN)


class Printable(logging.Filter):
    """Of a handler: no message and no traceback has other characters."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = printable(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = printable(logging.Formatter().formatException(record.exc_info))
        return True
