"""Training sees the very tokens that sampling sees, for base and for chat models, in every task and format."""

from pathlib import Path
from typing import Any, get_args

import pytest
import torch
import yaml
from transformers import AutoTokenizer, GenerationConfig

from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine
from lmsi_kedro.mini_world.pretraining import train_tokenizer
from lmsi_kedro.params import Format, Sampling
from lmsi_kedro.tasks import Asked, Exemplar, Prompt, render, target
from lmsi_kedro.tasks.encoding import PLAIN, encode_parts, end_tokens, frame_of
from lmsi_kedro.training.encoding import encode_example
from tests.models import tiny_model

ROOT = Path(__file__).parents[2]
SETS = sorted((ROOT / "conf/base/exemplars").glob("*.yml"))
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
GEMMA = (
    "<bos>{% for message in messages %}<start_of_turn>"
    "{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n{{ message['content'] }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


def tokenizer(name: str) -> Any:
    made = train_tokenizer(seed=1, sample=500)
    if name == "chatml":
        made.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
        made.chat_template = CHATML
    if name == "gemma":
        turns = ["<start_of_turn>", "<end_of_turn>"]
        made.add_special_tokens({"bos_token": "<bos>", "additional_special_tokens": turns})
        made.chat_template = GEMMA
    return made


@pytest.mark.parametrize("name", ["base", "chatml", "gemma"])
@pytest.mark.parametrize("file", SETS, ids=lambda file: file.stem)
def test_training_ids_are_inference_ids(name: str, file: Path) -> None:
    """The first exemplar is asked with the others before it, in each of the four formats."""
    tokens = tokenizer(name)
    frame = frame_of(tokens, "auto")
    first, *shots = [Exemplar.model_validate(row) for row in yaml.safe_load(file.read_text())]
    for format in get_args(Format):
        prompt = render(format, Asked(first.question, first.context, first.choices), shots)
        written = target(first.answer, None if format.endswith("direct") else first.rationale)
        shared, own = encode_parts(tokens, prompt.shared, prompt.own, frame)
        trained = encode_example(tokens, prompt.text, written, frame)
        assert trained.ids[: trained.prompt_tokens] == [*shared, *own]
        said = tokens.decode(trained.ids[trained.prompt_tokens :], skip_special_tokens=True)
        assert said.strip() == written.strip()
        assert trained.ids[-1] in end_tokens(tokens, frame, None)
        whole = tokens.decode([*shared, *own])
        assert whole == frame.before + prompt.text + frame.after


def test_a_chat_model_is_asked_in_one_turn_and_ends_its_own() -> None:
    chatml, gemma = tokenizer("chatml"), tokenizer("gemma")
    frame = frame_of(chatml, "auto")
    assert frame.before == "<|im_start|>user\n"
    assert frame.after == "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    assert frame.end == "<|im_end|>"
    assert frame_of(gemma, "auto").end == "<end_of_turn>"
    assert frame_of(chatml, "never") == frame_of(tokenizer("base"), "auto") == PLAIN
    both = GenerationConfig(eos_token_id=[5, 7])
    taught = chatml.convert_tokens_to_ids("<|im_end|>")
    assert end_tokens(chatml, frame, both) == {5, 7, taught}
    ids = encode_parts(gemma, "", "Q: 3?\nA:", frame_of(gemma, "auto"))
    assert [*ids[0], *ids[1]].count(gemma.bos_token_id) == 1


def test_a_template_that_changes_the_text_is_refused() -> None:
    shouting = tokenizer("chatml")
    shouting.chat_template = "{% for message in messages %}{{ message['role'] }}{% endfor %}"
    with pytest.raises(ValueError, match=r"set engine\.chat=never"):
        frame_of(shouting, "auto")


def test_a_chat_model_stops_at_the_end_of_its_turn(tmp_path: Path) -> None:
    """With every other token made impossible, the first token of each path ends it."""
    tiny_model(tmp_path)
    tokens = AutoTokenizer.from_pretrained(tmp_path)
    end = tokens.convert_ids_to_tokens(7)
    tokens.add_special_tokens({"additional_special_tokens": [end]})
    tokens.chat_template = CHATML.replace("<|im_end|>", end)
    tokens.save_pretrained(tmp_path)
    engine = LocalEngine(tmp_path, torch.float32)
    assert 7 in engine.stops.ends
    bias = torch.full((engine.model.config.vocab_size,), -1e4)
    bias[7] = 0
    head = engine.decoder.head  # type: ignore[union-attr]
    engine.decoder.head = lambda hidden: head(hidden) + bias  # type: ignore[union-attr]
    requests = [Request("q", Prompt("", "Q: 3?\nA:"), range(2))]
    table = engine.sample(requests, Sampling(temperature=1.0, max_new_tokens=9, seed=1))
    assert table["finish"].to_list() == ["stop", "stop"]
    assert table["tokens"].to_list() == [1, 1]
