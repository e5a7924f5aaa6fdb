"""Chat templates write text around questions and answers; control tokens within these are plain text."""

import copy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, GenerationConfig

from lmsi_kedro.params import Conversation
from lmsi_kedro.tasks.chat import PLAIN, Frame, frame_of
from lmsi_kedro.tasks.encoding import Encoder
from tests.tokenizers import CHAT, EXACT, NAMES, load

ROOT = Path(__file__).parents[2]
BAR = "\N{FULLWIDTH VERTICAL LINE}"
R1_END = f"<{BAR}end▁of▁sentence{BAR}>"
ENDS = {
    "smollm2": "<|im_end|>", "qwen2_base": "<|im_end|>", "qwen2": "<|im_end|>", "qwen3": "<|im_end|>",
    "llama3": "<|eot_id|>", "llama3_first": "<|eot_id|>", "llama3_date": "<|eot_id|>", "phi4": "<|im_end|>",
    "deepseek_r1": R1_END, "gpt_oss": "<|return|>", "llama2_legacy": " </s>", "mistral": "</s>", "phi3": "<|end|>",
    "gemma2": "<end_of_turn>", "gemma3": "<end_of_turn>", "real_deepseek_v3": R1_END, "real_qwen": "<|im_end|>",
    "real_tekken": "</s>", "real_mistral_v1": "</s>", "real_mistral_v3": "</s>", "real_mistral_v7": "</s>",
}  # fmt: skip


def frame(name: str, **asked: Any) -> Frame:
    return frame_of(load(name), Conversation(**asked))


def test_plain_text_has_no_frame() -> None:
    assert frame("gpt2") == frame("qwen3", chat="never") == PLAIN


def test_end_of_turn_comes_from_the_template() -> None:
    """It may differ from the eos_token, for example in Gemma 3, Llama 3, Phi 3 and the base model of Qwen 2."""
    assert {name: frame(name).end for name in CHAT} == ENDS


@pytest.mark.parametrize("name", CHAT)
def test_sampling_stops_where_training_teaches_to_end(name: str) -> None:
    tokenizer = load(name)
    encoder = Encoder(tokenizer)
    assert encoder.end == tokenizer.convert_tokens_to_ids(ENDS[name].strip())
    assert encoder.ends(None) == {encoder.end, tokenizer.eos_token_id}
    assert encoder.ends(GenerationConfig(eos_token_id=[5, 7])) == encoder.ends(None) | {5, 7}
    (example,) = encoder.examples(["Q: 3?\nA:"], [" The answer is 3."])
    assert example.ids[-1] == encoder.end
    assert encoder.end not in example.ids[example.prompt_tokens : -1]


@pytest.mark.parametrize("name", CHAT)
def test_answer_is_placed_as_by_the_template(name: str) -> None:
    """An example has the ids of the whole chat; for DeepSeek-R1, it also closes the thought in the prompt."""
    tokenizer, (prompt, said) = load(name), ("Q: 3?\nA:", "The answer is 3.")
    (example,) = Encoder(tokenizer).examples([prompt], [f" {said}"])
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": said}]
    text = tokenizer.apply_chat_template(turns, tokenize=False, enable_thinking=False)
    whole = tokenizer.encode(text, add_special_tokens=False)
    if frame(name).opened:
        assert tokenizer.decode(example.ids).endswith(f"<think>\n\n</think>\n\n{said}{R1_END}")
    else:
        assert example.ids == whole[: len(example.ids)]


def test_a_template_that_changes_the_text_is_refused() -> None:
    shouting = AutoTokenizer.from_pretrained(ROOT / "data/06_models/base")
    shouting.chat_template = "{% for message in messages %}{{ message['role'] }}{% endfor %}"
    with pytest.raises(ValueError, match=r"chat_template changes the text .* engine\.chat=never"):
        Encoder(shouting)


def test_system_prompt_replaces_the_default() -> None:
    """Templates with a system prompt of their own write the given one instead."""
    for name in ("smollm2", "qwen2", "llama3", "gemma3", "llama2_legacy", "real_tekken"):
        given = frame(name, system="Count twice.")
        assert given.before.count("Count twice.") == 1
        assert (given.after, given.end) == (frame(name).after, frame(name).end)
    assert "SmolLM" in frame("smollm2").before
    assert "SmolLM" not in frame("smollm2", system="Count twice.").before


def test_unsupported_system_prompt_is_an_error() -> None:
    with pytest.raises(
        ValueError, match=r"rejects .* System role not supported; unset prompts.system"
    ):
        frame("gemma2", system="Count twice.")
    with pytest.raises(ValueError, match=r"must alternate .*; unset prompts.system"):
        frame("mistral", system="Count twice.")
    with pytest.raises(
        ValueError, match=r"prompts.system is a turn of a chat, .* plain text: unset"
    ):
        frame("gpt2", system="Count twice.")
    deaf = copy.copy(load("qwen2"))
    deaf.chat_template = load("phi3").chat_template.replace("messages", "messages[-1:]")
    with pytest.raises(ValueError, match=r"chat_template leaves prompts.system out: unset it"):
        frame_of(deaf, Conversation(system="Count twice."))


def test_template_that_rejects_a_question_is_an_error() -> None:
    strict = copy.copy(load("qwen2"))
    strict.chat_template = "{{ raise_exception('tools are needed') }}"
    with pytest.raises(ValueError, match=r"rejects .*: tools are needed; set engine.chat=never"):
        frame_of(strict, Conversation())


def test_template_date_is_the_given_one() -> None:
    day = date(2025, 3, 9)
    assert "Today Date: 09 Mar 2025" in frame("llama3_date", date=day).before
    assert "Current date: 2025-03-09" in frame("gpt_oss", date=day).before
    assert frame("qwen2", date=day) == frame("qwen2")
    tokenizer = copy.deepcopy(load("llama3_date"))
    tokenizer.chat_template = tokenizer.chat_template.replace("'%d %b %Y'", "'%d ' ~ '%b'")
    with pytest.raises(ValueError, match="a date whose format is not a literal; set engine"):
        frame_of(tokenizer, Conversation(date=day))


@pytest.mark.parametrize("chat", ["never", "auto"])
@pytest.mark.parametrize("name", NAMES)
def test_control_tokens_in_a_text_are_text(name: str, chat: Any) -> None:
    """In questions, exemplars and answers, control tokens are encoded as text and neither end nor open a turn."""
    tokenizer = load(name)
    encoder = Encoder(tokenizer, Conversation(chat=chat))
    named = str(tokenizer.chat_template) + "<think></think>"
    added = [t for t in tokenizer.added_tokens_decoder.values() if t.special or t.content in named]
    controls = {tokenizer.convert_tokens_to_ids(token.content) for token in added}

    def steering(ids: list[int]) -> list[int]:
        return [token for token in ids if token in controls]

    text = f"Say {' or '.join(token.content for token in added)}, 3 times?"
    answer = text.replace("think", "thin")  # in an answer, marks of thoughts are not plain text
    harmless, asked = encoder.prompts(["Q: 3?\nA:", text])
    assert steering(asked) == steering(harmless)
    (plain,) = encoder.examples(["Q: 3?\nA:"], [" 3."])
    (example,) = encoder.examples([text], [f" {answer}"])
    assert example.ids[: example.prompt_tokens] == asked
    assert steering(example.ids) == steering(plain.ids)
    if name in EXACT:
        assert text in tokenizer.decode(asked)
        assert answer in tokenizer.decode(example.ids[example.prompt_tokens :])
