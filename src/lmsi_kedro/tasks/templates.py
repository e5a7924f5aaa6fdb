"""The prompt templates of the paper, and those that a task defines itself.

    few_shot_cot: "Solve each problem.\\n\\n{exemplars}Q: {question}\\nA:"

The text after {exemplars} is the template of one question. Each exemplar is rendered with it, followed by its
answer. {question} includes a passage and the listed choices, unless the template has {context} or {choices} for
them.
"""

import re
from collections.abc import Mapping
from typing import get_args

from lmsi_kedro.params import Format
from lmsi_kedro.params.mistakes import unknown

PAPER: dict[Format, str] = {
    "few_shot_cot": "{exemplars}Q: {question}\nA:",
    "few_shot_direct": "{exemplars}Q: {question}\nA:",
    "zero_shot_cot": "Q: {question}\nA: Let's think step by step.",
    "zero_shot_direct": "Q: {question}\nA:",
}
EXEMPLARS = "{exemplars}"
PLACES = ("exemplars", "question", "context", "choices")
BRACES = re.compile(r"\{\{|\}\}|\{(\w+)\}")  # {{ and }} are braces


def checked(where: str, templates: Mapping[str, str]) -> None:
    """Raises ValueError for the first invalid template; where: the name of the parameter."""
    for prompt_format, template in templates.items():
        name = f"{where}.{prompt_format}"
        if prompt_format not in get_args(Format):
            raise ValueError(unknown(where, prompt_format, get_args(Format)))
        places = [match[1] for match in BRACES.finditer(template) if match[1]]
        for place in places:
            if place not in PLACES:
                raise ValueError(unknown(name, f"{{{place}}}", [f"{{{each}}}" for each in PLACES]))
        twice = next((place for place in places if places.count(place) > 1), None)
        if twice or "question" not in places:
            raise ValueError(f"{name} must have {{{twice or 'question'}}} once")
        few = prompt_format.startswith("few_shot")
        if few is not ("exemplars" in places):
            raise ValueError(f"{name} must {'' if few else 'not '}have {EXEMPLARS}")
        if few and places[0] != "exemplars":
            raise ValueError(f"{name}: {EXEMPLARS} must precede the other placeholders")


def parted(template: str) -> tuple[str, str, str]:
    """Splits a template into the text before {exemplars}, this placeholder, and the template of one question."""
    for place in BRACES.finditer(template):
        if place[1] == "exemplars":
            return template[: place.start()], place[0], template[place.end() :]
    return "", "", template


def filled(template: str, values: Mapping[str, str]) -> str:
    """Returns the template with its placeholders replaced by values."""
    return BRACES.sub(lambda place: values[place[1]] if place[1] else place[0][0], template)
