"""The tree's decoder for Llama-like models on the CPU: a step is one call of C++.

Layer by layer, Python and torch took 3 of the 10 ms of a step of 32 rows. Embeddings and rotary angles are the
model's own; prompts are computed by its own modules.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from transformers import LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM

from lmsi_kedro.engines.local.packing import PackedLinear
from lmsi_kedro.engines.local.tree_decoder import TreeDecoder
from lmsi_kedro.kernels.attention import native

MODELS = (LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM)


class NativeDecoder(TreeDecoder):
    """For models of exactly these classes with SiLU and packed linear layers; TypeError for any other."""

    def __init__(self, model: Any) -> None:
        config, packed = model.config, isinstance(model.get_output_embeddings(), PackedLinear)
        # Not left to the trial: in bfloat16 another activation may pass for rounding.
        if type(model) not in MODELS or config.hidden_act != "silu" or not packed:
            raise TypeError("the C++ has not all layers of this model")
        super().__init__(model)
        attention = self.body.layers[0].self_attn
        self.scale = attention.scaling
        self.native = native.decoder(
            [weights_of(layer) for layer in self.body.layers], numbers_of(self.body.norm), self.head.native,
            config.num_attention_heads, config.num_key_value_heads, attention.head_dim, config.rms_norm_eps,
        )  # fmt: skip

    def start(self, prompts: Sequence[list[int]], rows: int, capacity: int) -> None:
        self.levels: list[Any] = []  # they hold the keys of the last chunk
        super().start(prompts, rows, capacity)
        tree = self.tree
        self.levels = [
            (native.packed(shared), native.packed(questions), *map(native.array, own))
            for shared, questions, own in zip(tree.shared, tree.questions, tree.own, strict=True)
        ]

    def computed(self, tokens: Tensor, positions: Tensor, rows: Tensor) -> Tensor:
        """The logits [R, V], in float32 whatever the model's dtype."""
        x = self.body.embed_tokens(tokens).float()
        cos, sin = (native.array(part[0]) for part in self.body.rotary_emb(x, positions[None]))
        logits = x.new_empty(len(x), self.head.outputs)
        self.native.step(
            native.array(x), cos, sin, self.levels, native.array(rows), self.scale,
            native.array(logits),
        )  # fmt: skip
        return logits  # type: ignore[no-any-return]


def weights_of(layer: Any) -> tuple[Any, ...]:
    """As the C++ takes those of a layer."""
    attention, mlp = layer.self_attn, layer.mlp
    norms = map(numbers_of, (layer.input_layernorm, layer.post_attention_layernorm))
    joint = attention.q_proj.joint.native, mlp.gate_proj.joint.native
    return *norms, joint[0], attention.o_proj.native, joint[1], mlp.down_proj.native


def numbers_of(norm: Any) -> Any:
    return native.array(norm.weight.detach().float())
