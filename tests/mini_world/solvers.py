"""Solves questions of the mini world from their text alone, independently of the code that generates them."""

import re
from collections.abc import Callable
from math import prod


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def products(text: str) -> int:
    """'3 boxes of 7 pens and 4 bags of 6 caps' -> 45."""
    return sum(int(a) * int(b) for a, b in re.findall(r"(\d+) \w+ of (\d+) ", text))


def story(asked: str) -> str:
    """Solves mini_gsm and mini_svamp: adds what the named person has and finds, and subtracts what is lost."""
    *_, name = re.findall(r"does (\w+) have", asked)
    sentences = [s for s in re.split(r"[.\n] ?", asked) if re.match(rf"(Q: |Then )?{name} ", s)]
    change = sum(
        {"finds": 1, "loses": -1}[verb] * int(n)
        for verb, n in re.findall(r"(finds|loses) (\d+)", asked)
    )
    return str(sum(products(f"{sentence} ") for sentence in sentences) + change)


def choice(asked: str) -> str:
    wanted, *_ = numbers(asked)
    options = re.findall(r"\((\w)\) ([^(\n]*)", asked)
    (right,) = [f"({letter})" for letter, text in options if prod(numbers(text)) == wanted]
    return right


def passage(asked: str) -> str:
    """Solves mini_drop, whose passage is a report or a diary."""
    context, question = asked.removeprefix("Q: ").removesuffix("\nA:").split("\n")
    return report(context, question) if "report" in context else diary(context, question)


def report(context: str, question: str) -> str:
    counts = [(str(name), int(n)) for name, n in re.findall(r"(\w+) (\d+)", context)]
    if question.startswith("How many"):
        return str(sum(n for _, n in counts))
    totals = {sum(n for _, n in counts[: i + 1]): name for i, (name, _) in enumerate(counts)}
    assert len(totals) == len(counts), "two names have the same total"
    return totals[numbers(question)[0]]


def diary(context: str, question: str) -> str:
    first, day, month = re.findall(r"The (\w+) opened on (\d+) (\w+ \d+)", context)[0]
    opened: dict[str, int] = {first: int(day)}
    for name, gap, before in re.findall(r"the (\w+) (\d+) days after the (\w+)", context):
        opened[name] = opened[before] + int(gap)
    if question.startswith("What"):
        return next(name for name, on in opened.items() if on == numbers(question)[0])
    *_, asked = re.findall(r"did the (\w+) open", question)
    return f"{opened[asked]} {month}"


def verdict(asked: str) -> str:
    """Solves mini_nli: compares the claim with the counts that follow from the premise."""
    premise, question = asked.split("\n")[:2]
    has = {name: int(count) for name, count in re.findall(r"(\w+) has (\d+) [a-z]+\.", premise)}
    for name, more, other in re.findall(r"(\w+) has (\d+) more than (\w+)", premise):
        if other in has:
            has[name] = has[other] + int(more)
    name, claimed = re.findall(r'"In fact (\w+) has (\d+)', question)[0]
    if name not in has:
        (below,) = has.values()  # the person whose count is known has fewer
        return "no" if int(claimed) <= below else "it is not possible to tell"
    return "yes" if has[name] == int(claimed) else "no"


def comparison(asked: str) -> str:
    """Solves mini_strategy: compares a total with a limit."""
    *_, more, limit = numbers(asked)
    return "yes" if products(asked) + more > limit else "no"


SOLVERS: dict[str, Callable[[str], str]] = {
    "mini_gsm": story,
    "mini_arc": choice,
    "mini_drop": passage,
    "mini_nli": verdict,
    "mini_svamp": story,
    "mini_strategy": comparison,
}
