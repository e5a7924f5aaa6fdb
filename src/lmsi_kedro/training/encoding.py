"""From text to token ids and loss positions, the same ids as at inference.

A prompt is encoded without the target and the target without the prompt, because at inference the
model continues the prompt's own tokens: a token that spans both would never be seen there. Knows
nothing of batches.
"""

from dataclasses import dataclass
from typing import Any

from lmsi_kedro.tasks.encoding import PLAIN, Frame, encode_prompt, encode_target
from lmsi_kedro.training.job import TrainingError


@dataclass(frozen=True)
class Encoded:
    """Token ids of prompt, target and end token; the loss covers what follows the prompt."""

    ids: list[int]
    prompt_tokens: int

    @property
    def target_tokens(self) -> int:
        return len(self.ids) - self.prompt_tokens


def encode_example(tokenizer: Any, prompt: str, target: str, frame: Frame = PLAIN) -> Encoded:
    """One training pair; the model also learns to end where the target ends."""
    head = encode_prompt(tokenizer, prompt, frame)
    return Encoded([*head, *encode_target(tokenizer, target, frame)], len(head))


def shared(one: Encoded, other: Encoded) -> int:
    """How many tokens two examples begin with, of which each keeps one or more for itself."""
    most = min(len(one.ids), len(other.ids)) - 1
    pairs = zip(one.ids[:most], other.ids[:most], strict=True)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), most)


def check_vocabulary(tokenizer: Any, config: Any) -> None:
    """An error when the model cannot learn to stop, or lacks a token's embedding."""
    if tokenizer.eos_token_id is None:
        raise TrainingError(
            "The base model's tokenizer has no end token (eos_token), so the tuned model could "
            "never stop; set eos_token in its tokenizer_config.json."
        )
    if (largest := max(tokenizer.get_vocab().values())) >= config.vocab_size:
        raise TrainingError(
            f"The base model's tokenizer has token {largest}, but its config.json has "
            f"vocab_size {config.vocab_size}; they belong to different models."
        )


def check_length(encoded: Encoded, example_id: str, config: Any) -> None:
    """An error when an example has no prompt or does not fit into the model's positions."""
    limit = getattr(config, "max_position_embeddings", None)
    if not encoded.prompt_tokens:
        raise TrainingError(f"Example {example_id} has an empty prompt.")
    if limit is not None and len(encoded.ids) > limit:
        raise TrainingError(
            f"Example {example_id} has {len(encoded.ids)} tokens, but the base model takes {limit} "
            "(max_position_embeddings); use fewer exemplars or shorter paths."
        )
