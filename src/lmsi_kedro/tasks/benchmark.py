"""A public benchmark: its location on the hub, and the conversion of its rows to ours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lmsi_kedro.tasks.task import Task

Row = dict[str, Any]


@dataclass(frozen=True)
class Benchmark:
    """A benchmark: splits maps splits of the hub to `unlabeled` and `held_out`; limit caps the unlabeled rows.

    convert returns question, context, choices and answer, or None for a row without a label. It also arranges NLI
    pairs and passages, so that a prompt is always "Q: context, question, choices", then "A:".
    """

    task: Task
    path: str
    splits: Mapping[str, str]
    convert: Callable[[Row], Row | None]
    config: str = "default"
    limit: int | None = None


def conclusion(premise: str, hypothesis: str, verdicts: str) -> Row:
    """Writes a premise and a hypothesis as a question with the allowed verdicts."""
    return {
        "context": f"Premise: {premise.strip()}",
        "question": (
            "Based on this premise, can we conclude that the hypothesis "
            f'"{hypothesis.strip()}" is true? Answer {verdicts}.'
        ),
    }


def three_way(row: Row) -> Row | None:
    """Converts a row of ANLI or MNLI: label 0 is entailment, 1 neutral, 2 contradiction, -1 no label."""
    answers = {0: "yes", 1: "it is not possible to tell", 2: "no"}
    if row["label"] not in answers:
        return None
    parts = conclusion(row["premise"], row["hypothesis"], "yes, no or it is not possible to tell")
    return {**parts, "answer": answers[row["label"]]}


def multiple_choice(question: str, choices: Mapping[str, list[str]], key: str) -> Row:
    """Converts a row of ARC or OpenBookQA.

    Their key is one of choices["label"], which are letters or numbers; ours is the letter of the position.
    """
    place = choices["label"].index(key)
    texts = choices["text"]
    return {"question": question, "choices": texts, "answer": f"({chr(ord('A') + place)})"}
