"""The thoughts of thinking models: where they stand in a text, and what is said outside of them."""

import re

# A model that goes on after its answer invents the next question: nothing from here on is its answer.
STOP = "\nQ:"
# What opens a thought and what closes it.
MARKS = {
    "<think>": "</think>",  # Qwen 3, DeepSeek-R1 and most others
    "[THINK]": "[/THINK]",  # Magistral
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",  # EXAONE
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",  # Seed-OSS
    "<|channel>thought": "<channel|>",  # Gemma 4
    # gpt-oss: a message in the channel for thoughts, then one in that for answers.
    "<|channel|>analysis<|message|>": "<|end|><|start|>assistant<|channel|>final<|message|>",
}
OPENING = re.compile("|".join(map(re.escape, MARKS)))
MARK = re.compile(f"({'|'.join(map(re.escape, [*MARKS, *MARKS.values()]))})")


def speech(text: str) -> tuple[int, int]:
    """Where what a text says begins and ends: behind its last thought, before it invents a question.

    A closing mark that no opening one precedes ends a thought that began before the text. Where a thought is open,
    nothing is said: both are the end of the text.
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
    """The end of a closing mark that no opening one precedes; 0 if there is none."""
    end = text.find(closing)
    return 0 if end < 0 or opening in text[:end] else end + len(closing)


def spoken(text: str) -> str:
    """What a text says."""
    begin, end = speech(text)
    return text[begin:end].strip()


def opened(text: str) -> str:
    """The end of a text from the mark of a thought that it leaves open; nothing if it leaves none open."""
    for mark in OPENING.finditer(text):
        if MARKS[mark.group()] not in text[mark.end() :]:
            return text[mark.start() :]
    return ""


def closing(opened: str) -> str:
    """What makes an open thought an empty one, as templates write it: "\\n</think>\\n\\n" behind "<think>\\n"."""
    mark = next(mark for mark in MARKS if opened.startswith(mark))
    empty = f"{mark}\n\n{MARKS[mark]}\n\n"
    return empty.removeprefix(opened) if empty.startswith(opened) else f"\n{MARKS[mark]}\n\n"
