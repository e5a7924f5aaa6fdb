"""Writes a Llama of transformers as a GGUF file, as llama.cpp's converter does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter, RopeScalingType, TokenType, quants
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "model.layers.": "blk.",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def write_gguf(
    file: Path,
    model: Any,
    tokenizer: Any,
    kind: str = "F32",
    parts: int = 1,
    **more: int | RopeScalingType,
) -> None:
    """kind: the type of matrices; vectors are F32. more: metadata, such as eot_token_id=7."""
    config = model.config
    writer = GGUFWriter(file, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    add_tokenizer(writer, tokenizer)
    writer.add_uint16("split.count", parts)
    for name, value in more.items():
        getattr(writer, f"add_{name}")(value)
    for name, weights in model.state_dict().items():
        if not (name == "lm_head.weight" and config.tie_word_embeddings):
            add_tensor(writer, name, weights, kind, config)
    if config.rope_parameters["rope_type"] == "llama3":
        scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config)
        width = torch.arange(0, config.head_dim, 2) / config.head_dim
        default = config.rope_parameters["rope_theta"] ** -width
        writer.add_tensor("rope_freqs.weight", (default / scaled).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_tokenizer(writer: GGUFWriter, tokenizer: Any) -> None:
    """A byte-level one, with its special tokens, its end and its chat template."""
    inner = json.loads(tokenizer.backend_tokenizer.to_str())
    special = {token["content"] for token in inner["added_tokens"] if token["special"]}
    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().__getitem__)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(
        [TokenType.CONTROL if token in special else TokenType.NORMAL for token in tokens]
    )
    writer.add_token_merges([" ".join(merge) for merge in inner["model"]["merges"]])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)


def add_tensor(
    writer: GGUFWriter, name: str, weights: torch.Tensor, kind: str, config: Any
) -> None:
    """llama.cpp rotates neighbours, transformers halves: the rows of queries and keys are in another order."""
    array = weights.float().numpy()
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for part, count in heads.items():
        if part in name:
            halves = array.reshape(count, 2, -1, array.shape[1])
            array = halves.swapaxes(1, 2).reshape(array.shape)
    for ours, theirs in NAMES.items():
        name = name.replace(ours, theirs)
    stored = GGMLQuantizationType[kind if array.ndim > 1 else "F32"]
    writer.add_tensor(name, quants.quantize(np.ascontiguousarray(array), stored), raw_dtype=stored)
