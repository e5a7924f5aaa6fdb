from pathlib import Path
from types import SimpleNamespace

import pytest

from lmsi_kedro.tasks.encoding import AUTO, Encoder
from lmsi_kedro.training.encoding import check_end, check_length, check_vocabulary
from lmsi_kedro.training.job import TrainingError


@pytest.fixture
def encoder(base_model: Path) -> Encoder:
    return Encoder.of(base_model, AUTO, False)


def test_example_is_prompt_then_target_and_end(encoder: Encoder) -> None:
    prompt, target = "Q: How many are 3 boxes of 7 pens?\nA:", " 3 * 7 = 21. The answer is 21."
    (example,) = encoder.examples([prompt], [target])
    assert [example.ids[: example.prompt_tokens]] == encoder.prompts([prompt])
    tokenizer = encoder.tokenizer
    assert tokenizer.decode(example.ids) == prompt + target + tokenizer.eos_token
    assert example.ids.count(tokenizer.eos_token_id) == 1


def test_a_model_that_cannot_stop_is_refused(encoder: Encoder) -> None:
    encoder.tokenizer.eos_token = None
    with pytest.raises(TrainingError, match="eos_token"):
        check_end(encoder.tokenizer)


def test_vocabulary_larger_than_the_model_is_refused(encoder: Encoder) -> None:
    size = len(encoder.tokenizer)
    check_vocabulary(encoder.tokenizer, SimpleNamespace(vocab_size=size))
    with pytest.raises(TrainingError, match="vocab_size"):
        check_vocabulary(encoder.tokenizer, SimpleNamespace(vocab_size=size - 1))


def test_examples_that_cannot_be_computed_are_named(encoder: Encoder) -> None:
    config = SimpleNamespace(max_position_embeddings=8)
    short, long, hollow = encoder.examples(["A:", "A:" * 8, ""], [" 1."] * 3)
    check_length(short, "short", config)
    with pytest.raises(TrainingError, match=r"long has .* takes 8"):
        check_length(long, "long", config)
    with pytest.raises(TrainingError, match="hollow has an empty prompt"):
        check_length(hollow, "hollow", config)
