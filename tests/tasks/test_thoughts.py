"""Answers are never parsed from thoughts; kept thoughts are in the path and in the training target."""

from typing import Any

import pytest

from lmsi_kedro.params import Conversation
from lmsi_kedro.tasks.encoding import Encoder
from lmsi_kedro.tasks.thoughts import MARKS, closing, opened, speech, spoken
from tests.tokenizers import load

KEEP = Conversation(thoughts="keep")
ANSWER = "The answer is 3."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f" It is 3. {ANSWER}\n\nQ: And?", f"It is 3. {ANSWER}"),
        (f"<think>Is it 4? The answer is 4.</think>\n{ANSWER}", ANSWER),
        (f"The answer is 4.</think> {ANSWER}", ANSWER),  # the prompt has opened the thought
        ("<think>The answer is 4.", ""),
        (f"{ANSWER} <think>Is it?", ""),
        (f"<think>4?</think> Hm. <think>3!</think> {ANSWER}", ANSWER),
        (f"<think>I might ask\nQ: 2?\nA: 4.</think>{ANSWER}\nQ: 5?", ANSWER),
        (f"{ANSWER}\nQ: 5?\nA: <think>5.</think>The answer is 5.", ANSWER),
        ("", ""),
    ],
)
def test_thoughts_are_stripped_from_text(text: str, said: str) -> None:
    assert spoken(text) == said


@pytest.mark.parametrize("mark", MARKS)
def test_every_mark_opens_and_closes_a_thought(mark: str) -> None:
    thought = f"{mark}\nThe answer is 4.\n{MARKS[mark]}\n\n"
    assert spoken(thought + ANSWER) == ANSWER
    assert speech(thought + ANSWER) == (len(thought.rstrip("\n")), len(thought + ANSWER))
    assert spoken(f"{mark}\nThe answer is 4.") == ""
    assert opened(f"assistant\n{mark}\n") == f"{mark}\n"
    assert opened(thought) == ""
    for written in (mark, f"{mark}\n", f"{mark}\n\n"):
        assert written + closing(written) == f"{mark}\n\n{MARKS[mark]}\n\n"


def ids(encoder: Encoder, text: str) -> list[int]:
    (found,) = encoder.ids([text])
    return found


def path(name: str, text: str, conversation: Conversation = KEEP) -> str:
    """The text that is stored for a path whose sampled tokens are those of `text`."""
    encoder = Encoder(load(name), conversation)
    return encoder.path(encoder.written(ids(encoder, text)))


def test_thoughts_are_kept_in_a_path_or_dropped() -> None:
    thought = f"<think>\nIs it 4?\n</think>\n\n{ANSWER}"
    assert path("qwen3", thought) == thought
    assert path("qwen3", thought, Conversation()) == ANSWER
    rest = thought.removeprefix("<think>\n")
    assert path("deepseek_r1", rest) == thought, "the prompt has opened it"
    assert path("deepseek_r1", rest, Conversation()) == ANSWER


def test_path_truncated_inside_a_thought_is_empty() -> None:
    """This is also true if the prompt, and not the path, contains the mark that opens the thought."""
    cut = "Is it 4? The answer is 4."
    assert path("deepseek_r1", cut, Conversation()) == ""
    assert path("deepseek_r1", cut) == f"<think>\n{cut}"
    assert spoken(path("deepseek_r1", cut)) == ""


def test_marks_that_are_special_tokens_are_seen() -> None:
    """A path of gpt-oss has all channels if thoughts are kept, and otherwise only the text of the last channel."""
    text = (
        "<|channel|>analysis<|message|>Is it 4?<|end|><|start|>assistant<|channel|>final<|message|>"
    )
    assert path("gpt_oss", text + ANSWER) == text + ANSWER
    assert path("gpt_oss", text + ANSWER, Conversation()) == ANSWER
    assert path("gpt_oss", f"<|channel|>final<|message|>{ANSWER}", Conversation()) == ANSWER
    assert path("qwen2", f"{ANSWER}<|im_start|>", Conversation()) == ANSWER


def trained(name: str, target: str, conversation: Conversation) -> str:
    """The text that an example adds to its prompt."""
    encoder = Encoder(load(name), conversation)
    (example,) = encoder.examples(["Q: 3?\nA:"], [target])
    assert [example.ids[: example.prompt_tokens]] == encoder.prompts(["Q: 3?\nA:"])
    return str(encoder.tokenizer.decode(example.ids[example.prompt_tokens : -1]))


@pytest.mark.parametrize(
    "name", ["qwen3", "real_qwen", "deepseek_r1", "real_deepseek_v3", "gpt_oss"]
)
def test_kept_thought_is_trained_as_sampled(name: str) -> None:
    """The target has exactly the sampled tokens, marks included, and nothing of the prompt."""
    encoder = Encoder(load(name), KEEP)
    written = {
        "gpt_oss": "<|channel|>analysis<|message|>4?<|end|><|start|>assistant<|channel|>final<|message|>",
        "qwen3": "<think>\n4?\n</think>\n\n",
        "real_qwen": "<think>\n4?\n</think>\n\n",
    }.get(name, "4?\n</think>\n\n")
    sampled = ids(encoder, written + ANSWER)
    kept = encoder.path(encoder.written(sampled))
    (example,) = encoder.examples(["Q: 3?\nA:"], [f" {kept}"])
    assert example.ids[example.prompt_tokens : -1] == sampled


def test_no_answer_is_trained_inside_an_open_thought() -> None:
    """An answer without thoughts begins as in the template, or closes the thought that the prompt opens."""
    empty = "<think>\n\n</think>\n\n"
    assert trained("qwen3", f" {ANSWER}", KEEP) == empty + ANSWER
    assert trained("qwen3", f" {ANSWER}", Conversation()) == ANSWER, "the prompt has it"
    for conversation in (KEEP, Conversation()):
        rest = f"\n</think>\n\n{ANSWER}"
        assert trained("deepseek_r1", f" {ANSWER}", conversation) == rest
        assert trained("gpt_oss", f" {ANSWER}", conversation) == (
            f"<|channel|>final<|message|>{ANSWER}"
        )
    assert trained("llama2_legacy", f" {ANSWER}", Conversation()).strip() == ANSWER


def test_thinking_is_enabled_only_if_kept() -> None:
    assert Encoder(load("qwen3"), KEEP).frame.after.endswith("<|im_start|>assistant\n")
    assert Encoder(load("qwen3")).frame.after.endswith("<think>\n\n</think>\n\n")
    thinking = {name: Encoder(load(name)).thinks for name in ("gpt2", "llama3", "qwen3", "gpt_oss")}
    assert thinking == {"gpt2": False, "llama3": False, "qwen3": True, "gpt_oss": True}


def stops(name: str, text: str, conversation: Any = KEEP) -> bool:
    from lmsi_kedro.engines.local.rows import Stops

    encoder = Encoder(load(name), conversation)
    return Stops(encoder, frozenset()).invents(ids(encoder, text))


def test_question_inside_a_thought_ends_no_path() -> None:
    assert stops("qwen3", f"{ANSWER}\n\nQ:")
    assert not stops("qwen3", "<think>\nI could ask\nQ:")
    assert stops("qwen3", f"<think>\n4?\n</think>\n\n{ANSWER}\nQ:")
    assert not stops("deepseek_r1", "I could ask\nQ:")
    assert stops("deepseek_r1", f"4?\n</think>\n\n{ANSWER}\nQ:")
    assert not stops("deepseek_r1", "I could ask\nQ:", Conversation())
    assert stops("gpt2", f"{ANSWER}\nQ:")
    assert not stops("gpt2", f"{ANSWER} Q:")
