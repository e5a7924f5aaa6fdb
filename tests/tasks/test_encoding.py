"""Sampling and training use equal prompt ids, which are those that the tokenizer gives for the whole text.

This holds for every tokenizer in use, in plain text and in chat form, in every task and format.
"""

from pathlib import Path
from typing import Literal, get_args

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine
from lmsi_kedro.params import Conversation, Format, Sampling
from lmsi_kedro.tasks import Exemplar, Question, render, target
from lmsi_kedro.tasks.encoding import BATCH, Encoder, alike
from tests.models import tiny_model
from tests.tokenizers import CHAT, EXACT, NAMES, load

ROOT = Path(__file__).parents[2]
SETS = sorted((ROOT / "conf/base/exemplars").glob("*.yml"))
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PLAIN_TEXT = Conversation(chat="never")
Chat = Literal["auto", "never"]
ASKED: list[tuple[str, Chat]] = [
    *((name, "never") for name in NAMES),
    *((name, "auto") for name in CHAT),
]


def own_ids(name: str, chat: str, text: str) -> list[int]:
    """The whole prompt as the tokenizer itself encodes it, without the end token that T5 and BERT append."""
    tokenizer = load(name)
    if chat == "auto":
        turn = [{"role": "user", "content": text}]
        form = {"add_generation_prompt": True, "return_dict": False, "enable_thinking": False}
        return list(tokenizer.apply_chat_template(turn, **form))
    ids = list(tokenizer.encode(text))
    return ids[:-1] if name in ("t5", "bert") else ids


def pairs() -> list[tuple[str, str]]:
    """The prompt and target of the first exemplar of every set, after the other exemplars, in each format."""
    found = []
    for file in SETS:
        first, *shots = [Exemplar.model_validate(row) for row in yaml.safe_load(file.read_text())]
        asked = Question(first.question, first.context, first.choices)
        for prompt_format in get_args(Format):
            rationale = None if prompt_format.endswith("direct") else first.rationale
            found.append((render(prompt_format, asked, shots), target(first.answer, rationale)))
    return found


@pytest.mark.parametrize(("name", "chat"), ASKED, ids=["-".join(each) for each in ASKED])
def test_sampled_and_trained_ids_equal_the_tokenizers(name: str, chat: Chat) -> None:
    tokenizer = load(name)
    encoder = Encoder(tokenizer, Conversation(chat=chat))
    prompts, targets = map(list, zip(*pairs(), strict=True))
    sampled, examples = encoder.prompts(prompts), encoder.examples(prompts, targets)
    ends = encoder.ends(None)
    for prompt, answer, ids, example in zip(prompts, targets, sampled, examples, strict=True):
        assert ids == own_ids(name, chat, prompt)
        assert example.ids[: example.prompt_tokens] == ids
        *added, end = example.ids[example.prompt_tokens :]
        assert end in ends
        assert not set(added) & ends
        said = tokenizer.decode(added).removeprefix(encoder.frame.lead)
        assert said.split() == answer.split() or name not in EXACT
        if chat == "never":
            whole = own_ids(name, chat, prompt + answer)
            assert [*ids, *added] == whole, "no token of these texts spans the boundary"


@pytest.mark.parametrize("name", EXACT)
@settings(max_examples=40)
@given(
    prompt=st.text("aZé漢 \n:.'37", min_size=1, max_size=12),
    answer=st.text("aZé漢 \n:.'37", min_size=1, max_size=12),
)
def test_prompt_ids_do_not_depend_on_the_answer(name: str, prompt: str, answer: str) -> None:
    """A prompt keeps its ids whatever follows, and all ids together decode to the whole text."""
    tokenizer = load(name)
    encoder = Encoder(tokenizer, PLAIN_TEXT)
    ids, (example,) = encoder.prompts([prompt])[0], encoder.examples([prompt], [answer])
    assert ids == own_ids(name, "never", prompt)
    assert example.ids[: example.prompt_tokens] == ids
    added = example.ids[example.prompt_tokens : -1]
    whole = own_ids(name, "never", prompt + answer)
    if whole[: len(ids)] == ids:
        assert added == whole[len(ids) :]
    text = tokenizer.decode(example.ids[len(encoder.opening) : -1])
    assert text == tokenizer.decode(whole[len(encoder.opening) :])


def test_tokens_across_the_boundary_are_never_trained() -> None:
    """GPT-2's split expression separates the two newlines only in the whole text."""
    tokenizer = load("gpt2")
    (example,) = Encoder(tokenizer).examples(["Q\n\n"], ["A"])
    pieces = [tokenizer.decode([token]) for token in example.ids]
    assert pieces == ["Q", "\n\n", "A", tokenizer.eos_token]
    assert [tokenizer.decode([token]) for token in tokenizer.encode("Q\n\nA")] == [
        "Q", "\n", "\n", "A",
    ]  # fmt: skip
    (joined,) = Encoder(tokenizer).examples(["th"], ["e answer"])
    assert tokenizer.decode(joined.ids[: joined.prompt_tokens]) == "th"
    assert tokenizer.decode(joined.ids[:-1]) == "the answer"


def test_batch_encoding_equals_encoding_one_by_one() -> None:
    encoder = Encoder(load("llama2_base"))
    texts = [f"Q: {n}?\nA:" for n in range(BATCH + 3)]
    assert encoder.prompts(texts) == [ids for text in texts for ids in encoder.prompts([text])]
    assert encoder.prompts([]) == []


def test_shared_prefix_leaves_each_prompt_a_token() -> None:
    assert alike([[1, 2, 3], [1, 2, 4, 5], [1, 2, 3, 9]]) == 2
    assert alike([[1, 2], [1, 2, 3]]) == 1
    assert alike([[1, 2, 3]]) == 2
    assert alike([[7], [8]]) == 0


def test_bos_is_added_once() -> None:
    """BOS is added only if the tokenizer does so by default, and not again if a template has written it."""
    for name, chat in ASKED:
        tokenizer = load(name)
        conversation = Conversation(chat=chat)
        (ids,) = Encoder(tokenizer, conversation).prompts(["Q: 3?\nA:"])
        if tokenizer.bos_token_id is not None and name != "smollm2":
            written = chat == "auto" and "bos_token" in tokenizer.chat_template
            adds = tokenizer.encode("")[:1] == [tokenizer.bos_token_id]
            assert ids.count(tokenizer.bos_token_id) == (written or adds), name


def test_chat_model_stops_at_end_of_turn(tmp_path: Path) -> None:
    """All other tokens are made impossible, so the first token of each path ends it."""
    tiny_model(tmp_path)
    tokens = AutoTokenizer.from_pretrained(tmp_path)
    end = str(tokens.convert_ids_to_tokens(7))
    tokens.add_special_tokens({"additional_special_tokens": [end]})
    tokens.chat_template = CHATML.replace("<|im_end|>", end)
    tokens.save_pretrained(tmp_path)
    engine = LocalEngine(tmp_path, torch.float32)
    assert 7 in engine.stops.ends
    bias = torch.full((engine.model.config.vocab_size,), -1e4)
    bias[7] = 0
    head = engine.decoder.head
    engine.decoder.head = lambda hidden: head(hidden) + bias
    requests = [Request("q", "Q: 3?\nA:", range(2))]
    table = engine.sample(requests, Sampling(temperature=1.0, max_new_tokens=9, seed=1))
    assert table["finish"].to_list() == ["stop", "stop"]
    assert table["tokens"].to_list() == [1, 1]
