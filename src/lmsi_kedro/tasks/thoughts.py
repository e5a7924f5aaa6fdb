"""Separates the thoughts of thinking models from the rest of a text."""

import re

# A model that continues after its answer invents the next question: this and the text after it are not the answer.
STOP = "\nQ:"
# The markers that open and close a thought.
MARKS = {
    "<think>": "</think>",  # Qwen 3, DeepSeek-R1 and most others
    "[THINK]": "[/THINK]",  # Magistral
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",  # EXAONE
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",  # Seed-OSS
    "<|channel>thought": "<channel|>",  # Gemma 4
    # gpt-oss: a message in the channel for thoughts, then one in the channel for answers.
    "<|channel|>analysis<|message|>": "<|end|><|start|>assistant<|channel|>final<|message|>",
}
OPENING = re.compile("|".join(map(re.escape, MARKS)))
MARK = re.compile(f"({'|'.join(map(re.escape, [*MARKS, *MARKS.values()]))})")


def speech(text: str) -> tuple[int, int]:
    """Returns where the text outside thoughts begins and ends: after the last one, before an invented question.

    A closing marker without an opening one ends a thought that began before the text. If a thought is left open,
    both positions are the end of the text.
    """
    begin = max(closed_before(text, *marks) for marks in MARKS.items())
    while (thought := OPENING.search(text, begin)) and STOP not in text[begin : thought.start()]:
        close = MARKS[thought.group()]
        end = text.find(close, thought.end())
        if end < 0:
            return len(text), len(text)
        begin = end + len(close)
    end = text.find(STOP, begin)
    return begin, end if end >= 0 else len(text)


def closed_before(text: str, opening: str, closing: str) -> int:
    """Returns the end of a closing marker without an opening one before it, or 0 if there is none."""
    end = text.find(closing)
    return 0 if end < 0 or opening in text[:end] else end + len(closing)


def spoken(text: str) -> str:
    """Returns the text outside thoughts."""
    begin, end = speech(text)
    return text[begin:end].strip()


def opened(text: str) -> str:
    """Returns the rest of a text that begins with the opening marker of an unclosed thought; empty without one."""
    for mark in OPENING.finditer(text):
        if MARKS[mark.group()] not in text[mark.end() :]:
            return text[mark.start() :]
    return ""


def closing(opened: str) -> str:
    """Returns the text with which templates close a thought: "\\n</think>\\n\\n" after "<think>\\n"."""
    mark = next(mark for mark in MARKS if opened.startswith(mark))
    empty = f"{mark}\n\n{MARKS[mark]}\n\n"
    return empty.removeprefix(opened) if empty.startswith(opened) else f"\n{MARKS[mark]}\n\n"
