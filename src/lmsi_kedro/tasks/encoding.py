"""From prompts to token ids, the same for sampling and for training. Knows nothing of models."""

from typing import Any


def encode_prompt(tokenizer: Any, prompt: str) -> list[int]:
    """The ids of a prompt, after a BOS token only if the tokenizer adds one by default."""
    ids: list[int] = tokenizer.encode(prompt, add_special_tokens=False)
    bos = tokenizer.bos_token_id
    return [bos, *ids] if bos is not None and tokenizer.encode("")[:1] == [bos] else ids


def encode_parts(tokenizer: Any, shared: str, own: str) -> tuple[list[int], list[int]]:
    """The ids of a prompt's two parts; ValueError when a token spans both, as training would see it."""
    parts = encode_prompt(tokenizer, shared), tokenizer.encode(own, add_special_tokens=False)
    if [*parts[0], *parts[1]] != encode_prompt(tokenizer, shared + own):
        raise ValueError(
            "the tokenizer joins the end of the exemplars with the question, so training and "
            f"sampling would see different tokens of the prompt that ends in {own[-80:]!r}"
        )
    return parts
