"""The prefix-tree decoder for Llama-like models on the CPU: a decoding step is one C++ call.

With a separate call for each layer, a step with 32 rows took 10 ms, 3 ms of them in Python and torch. Embeddings
and rotary angles are still computed by the model.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import (
    LlamaForCausalLM,
    MistralForCausalLM,
    Qwen2ForCausalLM,
    Qwen3ForCausalLM,
    SmolLM3ForCausalLM,
)

from lmsi_kedro.engines.local.packing import PackedLinear
from lmsi_kedro.engines.local.tree import own_buffers
from lmsi_kedro.engines.local.tree_decoder import TreeDecoder
from lmsi_kedro.kernels.attention import native

MODELS = (  # docs/sampling.md explains why others are unsupported
    LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM, SmolLM3ForCausalLM,
)  # fmt: skip
# Prompts are computed in blocks of this many tokens: keys of the current block are unpacked, earlier ones packed.
BLOCK = 128
NONE = torch.empty(0, 0)
PIECE = 256  # tokens computed at once, so that activations fit into the CPU's cache; 1,024 were 7 % slower


class NativeDecoder(TreeDecoder):
    """Supports models whose class is in MODELS, with SiLU and packed layers; TypeError for any other model."""

    independent = True  # a row's sums have the same order in every batch

    def __init__(self, model: Any) -> None:
        config, packed = model.config, isinstance(model.get_output_embeddings(), PackedLinear)
        # The trial of `unsupported_reason` could mistake a different activation for bfloat16 rounding.
        if type(model) not in MODELS or config.hidden_act != "silu" or not packed:
            raise TypeError("the C++ decoder does not support all layers of this model")
        super().__init__(model)
        attention = self.body.layers[0].self_attn
        self.scale = attention.scaling
        self.heads = config.num_key_value_heads, attention.head_dim  # number and width of key heads
        # Kept between the steps of a chunk: with a new buffer for each step (50 MB for 256 rows of 49,152 logits),
        # page faults took 4 % of the time.
        self.logits = NONE
        self.native = native.decoder(
            [weights_of(layer) for layer in self.body.layers], numbers_of(self.body.norm), self.head.native,
            config.num_attention_heads, *self.heads, config.rms_norm_eps,
        )  # fmt: skip

    def start(self, prompts: Sequence[list[int]], rows: int, capacity: int) -> None:
        # Frees the paths and logits of the last chunk before new memory is allocated.
        self.levels: list[Any] = []
        self.logits = NONE
        super().start(prompts, rows, capacity)
        self.levels = levels_of(self.tree.shared, self.tree.questions, self.tree.own)

    def forget(self) -> None:
        self.levels, self.logits = [], NONE
        super().forget()

    def prefill(
        self, prompts: Sequence[list[int]], shared: Sequence[Any]
    ) -> tuple[list[Any], Tensor]:
        """Computes prompts in the same way as decoding steps: with a row for each token, so without padding."""
        lengths = [len(ids) for ids in prompts]
        start = shared[0].lengths[0] if shared else 0
        shared = shared or self.prefixes([0])
        done = self.prefixes(lengths)
        own = self.own_buffers(done, len(prompts), min(BLOCK, max(lengths)))
        levels = levels_of(shared, done, own)
        last = torch.zeros(len(prompts), self.model.config.hidden_size)
        for begin in range(0, max(lengths), BLOCK):
            blocks = [ids[begin : begin + BLOCK] for ids in prompts]
            rows = torch.tensor(
                [(n, n, i) for n, ids in enumerate(blocks) for i in range(len(ids))]
            )
            tokens = torch.tensor([token for ids in blocks for token in ids])
            for some, ids in zip(rows.split(PIECE), tokens.split(PIECE), strict=True):
                hidden = self.through(ids, start + begin + some[:, 2], some, levels)
                prompt = some[:, 0]
                ends = torch.cat([prompt[1:] != prompt[:-1], torch.ones(1, dtype=torch.bool)])
                last[prompt[ends]] = hidden[ends]
            for level, (keys, values) in zip(done, own, strict=True):
                level.append(native.array(keys), native.array(values), [*map(len, blocks)])
        normal: Tensor = self.body.norm(last)
        return done, normal

    def prefixes(self, room: list[int]) -> list[Any]:
        """Empty prefixes of each layer, with room for this many tokens."""
        half = self.model.dtype == torch.bfloat16
        return [native.empty_prefixes(room, *self.heads, half) for _ in range(self.layers)]

    def own_buffers(
        self, questions: Sequence[Any], slots: int, capacity: int
    ) -> list[tuple[Tensor, Tensor]]:
        (heads, width), like = self.heads, torch.empty(0, dtype=self.model.dtype)
        return [own_buffers(slots, heads, capacity, width, like) for _ in questions]

    def computed(self, tokens: Tensor, positions: Tensor, rows: Tensor) -> Tensor:
        """The logits [R, V], always in float32; the next call overwrites them."""
        if len(self.logits) < len(tokens):
            self.logits = NONE
            self.logits = torch.empty(len(tokens), self.head.outputs)
        logits = self.logits[: len(tokens)]
        self.through(tokens, positions, rows, self.levels, logits)
        return logits

    def through(
        self,
        tokens: Tensor,
        positions: Tensor,
        rows: Tensor,
        levels: list[Any],
        logits: Tensor = NONE,
    ) -> Tensor:
        """The hidden states [R, width] before the last normalization; also fills `logits` unless it is empty."""
        x: Tensor = self.body.embed_tokens(tokens).float()
        cos, sin = (native.array(part[0]) for part in self.body.rotary_emb(x, positions[None]))
        self.native.step(
            native.array(x), cos, sin, levels, native.array(rows), self.scale, native.array(logits)
        )
        return x


def levels_of(
    shared: Sequence[Any], prompts: Sequence[Any], own: Sequence[tuple[Tensor, Tensor]]
) -> list[Any]:
    """The keys and values of each layer as arguments of the C++ step."""
    return [
        (first, second, *map(native.array, third))
        for first, second, third in zip(shared, prompts, own, strict=True)
    ]


def weights_of(layer: Any) -> tuple[Any, ...]:
    """The weights of a layer, in the order of the C++ constructor."""
    attention, mlp = layer.self_attn, layer.mlp
    norms = map(numbers_of, (layer.input_layernorm, layer.post_attention_layernorm))
    joint = attention.q_proj.joint.native, mlp.gate_proj.joint.native
    linear = joint[0], attention.o_proj.native, joint[1], mlp.down_proj.native
    heads = (numbers_of(getattr(attention, name, None)) for name in ("q_norm", "k_norm"))
    return *norms, *linear, *heads, bool(getattr(attention, "use_rope", True))


def numbers_of(norm: Any) -> Any:
    """The weights of a normalization; an empty array if there is none."""
    return native.array(NONE.flatten() if norm is None else norm.weight.detach().float())
