"""The test tokenizers behave like the model families that they are named after."""

from typing import Any

import pytest

from tests.tokenizers import CHAT, EXACT, NAMES, load
from tests.tokenizers.corpus import PROSE, corpus
from tests.tokenizers.families import FAMILIES

TEXTS = (PROSE, corpus()[0], "Q: 3?\nA: 12 + 7 = 19.\n\nQ:", "a  b\tc\n\n\nd  ", "é 漢字 🙂 \x07")


def ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False))


@pytest.mark.parametrize("name", EXACT)
def test_decoding_restores_the_text(name: str) -> None:
    tokenizer = load(name)
    for text in TEXTS:
        assert tokenizer.decode(ids(tokenizer, text)) == text


@pytest.mark.parametrize("name", NAMES)
def test_added_tokens_are_one_token_each(name: str) -> None:
    tokenizer = load(name)
    for token in tokenizer.get_added_vocab():
        assert tokenizer.convert_tokens_to_ids(token) in ids(tokenizer, f"a{token}b"), token


def test_special_tokens_are_added_by_default() -> None:
    """Like the real ones, Llama and Gemma add a BOS token, T5 an end token, GPT-2 and Qwen nothing."""
    added = {name: load(name).convert_ids_to_tokens(load(name).encode("")) for name in NAMES}
    nothing = (
        "gpt2",
        "pythia",
        "smollm2",
        "qwen2",
        "qwen3",
        "phi3",
        "phi4",
        "gpt_oss",
        "real_qwen",
    )
    assert {tuple(added[name]) for name in nothing} == {()}
    assert added["llama3"] == ["<|begin_of_text|>"]
    assert added["gemma2"] == ["<bos>"]
    assert added["opt"] == ["</s>"]
    assert added["t5"] == ["</s>"]
    assert added["bert"] == ["[CLS]", "[SEP]"]
    assert added["llama2_base"] == added["real_mistral_v1"] == added["real_tekken"] == ["<s>"]


def pieces(name: str, text: str) -> list[str]:
    return [load(name).decode([token]) for token in ids(load(name), text)]


def test_newlines_before_a_question_are_split() -> None:
    """GPT-2's expression splits off the last white space before a word; a blank then joins the word."""
    for name in ("gpt2", "smollm2", "pythia", "opt"):
        assert pieces(name, "\n\nQ") == ["\n", "\n", "Q"]
        assert pieces(name, "\n\n") == ["\n\n"]
    for name in ("llama3", "qwen2", "gemma3", "real_qwen", "real_deepseek_v3", "real_tekken"):
        assert pieces(name, "\n\nQ") == ["\n\n", "Q"]
    for name in ("llama2_base", "llama2_legacy_base", "real_mistral_v1", "real_mistral_v7"):
        tokens = load(name).convert_ids_to_tokens(ids(load(name), "\n\nQ"))
        assert tokens == ["▁", "<0x0A>", "<0x0A>", "Q"]


def test_digits_are_split_as_in_the_family() -> None:
    for name in ("smollm2", "qwen2", "gemma2", "llama2_base", "real_qwen", "real_mistral_v3"):
        assert pieces(name, "x2026")[-4:] == list("2026"), name
    for name in ("llama3", "gpt_oss", "real_deepseek_v3"):
        assert len(pieces(name, "x1000000")) < 8, name


def test_sentencepiece_puts_a_blank_before_a_text() -> None:
    """In legacy mode, it also puts a blank after every special token."""
    for name, again in (("llama2_base", "a"), ("llama2_legacy_base", "▁a")):
        tokens = load(name).convert_ids_to_tokens(ids(load(name), "a</s>a"))
        assert tokens == ["▁a", "</s>", again]
    assert pieces("gemma2", "a<eos>a") == ["a", "<eos>", "a"]


@pytest.mark.parametrize("name", CHAT)
def test_templates_keep_the_text(name: str) -> None:
    turns = [{"role": "user", "content": "What is 3 + 4?"}]
    asked = load(name).apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    turns += [{"role": "assistant", "content": "It is 7."}]
    answered = load(name).apply_chat_template(turns, tokenize=False)
    assert "What is 3 + 4?" in asked
    assert "It is 7." in answered
    assert answered.split("What is 3 + 4?")[0] == asked.split("What is 3 + 4?")[0]


@pytest.mark.parametrize("name", FAMILIES)
def test_saved_tokenizer_loads_unchanged(name: str, tmp_path: Any) -> None:
    from transformers import AutoTokenizer

    load(name).save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    for text in ("", *TEXTS):
        assert again.encode(text) == load(name).encode(text)
    assert again.chat_template == load(name).chat_template
