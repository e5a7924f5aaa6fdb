"""Checks tokenizer, vocabulary and lengths of encoded examples before a model is loaded."""

from typing import Any

from lmsi_kedro.tasks.encoding import Encoded
from lmsi_kedro.training.job import TrainingError


def check_end(tokenizer: Any) -> None:
    """Raises TrainingError if the tokenizer has no end token, since the model could not learn to stop."""
    if tokenizer.eos_token_id is None:
        raise TrainingError(
            "The base model's tokenizer has no end token (eos_token), so the tuned model could "
            "never stop; set eos_token in its tokenizer_config.json."
        )


def check_vocabulary(tokenizer: Any, config: Any) -> None:
    """Raises TrainingError if a token has no embedding; surplus embeddings are common and never sampled."""
    tokens = max(tokenizer.get_vocab().values()) + 1
    if tokens > config.vocab_size:
        raise TrainingError(
            f"The base model's tokenizer has {tokens} tokens, but its config.json has vocab_size "
            f"{config.vocab_size}: they belong to different models, or the embeddings were not resized for "
            "added tokens."
        )


def check_length(encoded: Encoded, example_id: str, config: Any) -> None:
    """Raises TrainingError if an example has no prompt or exceeds the model's context."""
    limit = getattr(config, "max_position_embeddings", None)
    if not encoded.prompt_tokens:
        raise TrainingError(f"Example {example_id} has an empty prompt.")
    if limit is not None and len(encoded.ids) > limit:
        raise TrainingError(
            f"Example {example_id} has {len(encoded.ids)} tokens, but the base model takes {limit} "
            "(max_position_embeddings); use fewer exemplars or shorter paths."
        )
