from types import SimpleNamespace

import pytest
from transformers import AutoTokenizer

from lmsi_kedro.training.encoding import (
    check_length,
    check_vocabulary,
    encode_example,
    encode_prompt,
)
from lmsi_kedro.training.job import TrainingError


@pytest.fixture
def tokenizer(base_model):
    return AutoTokenizer.from_pretrained(base_model)


def test_an_example_is_the_prompt_of_inference_then_target_and_end(tokenizer):
    prompt, target = "Q: How many are 3 boxes of 7 pens?\nA:", " 3 * 7 = 21. The answer is 21."
    example = encode_example(tokenizer, prompt, target)
    assert example.ids[: example.prompt_tokens] == encode_prompt(tokenizer, prompt)
    assert tokenizer.decode(example.ids) == prompt + target + tokenizer.eos_token
    assert example.ids.count(tokenizer.eos_token_id) == 1


def test_bos_comes_first_only_where_the_tokenizer_adds_it():
    def tokenizer(adds):
        def encode(text, add_special_tokens=True):
            return [1] * (adds and add_special_tokens) + [ord(letter) for letter in text]

        return SimpleNamespace(encode=encode, bos_token_id=1, eos_token_id=2)

    assert encode_example(tokenizer(True), "ab", "c").ids == [1, 97, 98, 99, 2]
    assert encode_example(tokenizer(False), "ab", "c").ids == [97, 98, 99, 2]


def test_a_model_that_cannot_stop_is_refused(tokenizer):
    tokenizer.eos_token = None
    with pytest.raises(TrainingError, match="eos_token"):
        check_vocabulary(tokenizer, SimpleNamespace(vocab_size=10_000))


def test_a_vocabulary_that_does_not_fit_the_model_is_refused(tokenizer):
    check_vocabulary(tokenizer, SimpleNamespace(vocab_size=len(tokenizer)))
    with pytest.raises(TrainingError, match="vocab_size"):
        check_vocabulary(tokenizer, SimpleNamespace(vocab_size=len(tokenizer) - 1))


def test_examples_that_cannot_be_computed_are_named(tokenizer):
    config = SimpleNamespace(max_position_embeddings=8)
    check_length(encode_example(tokenizer, "A:", " 1."), "short", config)
    with pytest.raises(TrainingError, match=r"long has .* takes 8"):
        check_length(encode_example(tokenizer, "A:" * 8, " 1."), "long", config)
    with pytest.raises(TrainingError, match="hollow has an empty prompt"):
        check_length(encode_example(tokenizer, "", " 1."), "hollow", config)
