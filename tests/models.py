"""Tiny models with random weights, for tests."""

from collections.abc import Sequence
from pathlib import Path

from lmsi_kedro.mini_world.pretraining import train_tokenizer

RAGGED = range(0, 4096, 20)  # many end tokens, so that paths end after random numbers of tokens


def tiny_model(
    directory: Path, kv_heads: int = 4, seed: int = 0, ends: Sequence[int] = (0,)
) -> Path:
    """Save a Llama of 2 layers and width 64 with the mini world's tokenizer; `ends` are its end tokens."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = train_tokenizer(seed=1, sample=500)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=kv_heads,
        intermediate_size=96,
        max_position_embeddings=1024,
        initializer_range=0.2,
        bos_token_id=None,
        eos_token_id=[token for token in ends if token < len(tokenizer)],
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory
