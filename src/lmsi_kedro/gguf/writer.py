"""Writes a transformers Llama model as a GGUF file in the same way as llama.cpp's converter, without checks."""

import json
from pathlib import Path
from typing import Any

import numpy as np

NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "model.layers.": "blk.",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip
ENDS = ("eot", "eom")  # the ends of a turn and of a message, which also end an answer


def write_gguf(file: Path, model: Any, tokenizer: Any, pre: str) -> None:
    """Writes the file; pre is llama.cpp's name for the tokenizer's split expression."""
    finish(described(file, model, tokenizer, pre), model)


def described(file: Path, model: Any, tokenizer: Any, pre: str) -> Any:
    """A writer with the metadata of model and tokenizer."""
    from gguf import GGUFWriter

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
    add_tokens(writer, tokenizer, config.vocab_size, pre)
    add_roles(writer, tokenizer, model.generation_config.eos_token_id)
    return writer


def finish(writer: Any, model: Any, kind: str = "F16") -> None:
    """Adds the weights (matrices as `kind`, vectors in float32) and writes the file."""
    from gguf import LlamaFileType

    config = model.config
    # OpenVINO GenAI reads no file without its type.
    writer.add_file_type(LlamaFileType["ALL_F32" if kind == "F32" else f"MOSTLY_{kind}"])
    for name, weights in model.state_dict().items():
        if not (name == "lm_head.weight" and config.tie_word_embeddings):
            add_tensor(writer, name, weights, kind, config)
    if config.rope_parameters["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_factors(config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_tokens(writer: Any, tokenizer: Any, size: int, pre: str) -> None:
    """Adds the vocabulary and merges of a byte-level tokenizer; embeddings without a token get an unused token."""
    from gguf import TokenType

    inner = json.loads(tokenizer.backend_tokenizer.to_str())
    added = {token["id"]: token["special"] for token in inner["added_tokens"]}
    named = {number: token for token, number in tokenizer.get_vocab().items()}
    kinds = {True: TokenType.CONTROL, False: TokenType.USER_DEFINED, None: TokenType.NORMAL}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([named.get(number, f"[PAD{number}]") for number in range(size)])
    writer.add_token_types(
        [kinds[added.get(n)] if n in named else TokenType.UNUSED for n in range(size)]
    )
    writer.add_token_merges([" ".join(merge) for merge in inner["model"]["merges"]])


def add_roles(writer: Any, tokenizer: Any, ends: int | list[int] | None) -> None:
    """Adds the special tokens, the setting whether a text begins with BOS, and the chat template."""
    for role in ("bos", "eos", "pad", "unk"):
        if (number := getattr(tokenizer, f"{role}_token_id")) is not None:
            getattr(writer, f"add_{role}_token_id")(number)
    listed = ends if isinstance(ends, list) else []
    others = [end for end in listed if end != tokenizer.eos_token_id]
    for role, number in zip(ENDS, others, strict=False):
        getattr(writer, f"add_{role}_token_id")(number)
    opening = tokenizer.encode("a")[:1]
    writer.add_add_bos_token(opening == [tokenizer.bos_token_id])
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)


def add_tensor(writer: Any, name: str, weights: Any, kind: str, config: Any) -> None:
    """Adds a tensor; the rows of queries and keys are reordered.

    RoPE rotates adjacent dimensions together in llama.cpp, but dimensions of the two halves in transformers.
    """
    from gguf import GGMLQuantizationType, quants

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


def rope_factors(config: Any) -> Any:
    """The float32 divisors of frequencies in Llama 3's RoPE scaling, one for each pair of dimensions."""
    import torch
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config)
    width = torch.arange(0, config.head_dim, 2) / config.head_dim
    default = config.rope_parameters["rope_theta"] ** -width
    return (default / scaled).numpy()
