"""The logits of target tokens, and whether a model gives them in a forest too.

The LM head runs only at the positions that predict a target token: with 25 % targets most of head
and loss is saved. Knows nothing of losses.
"""

from collections.abc import Sequence
from typing import Any

import torch

from lmsi_kedro.kernels.attention import ROUNDING
from lmsi_kedro.tasks.encoding import Encoded
from lmsi_kedro.training.attention import NAME
from lmsi_kedro.training.forest import Tree, pad, plant

PROBED = 4  # examples, of the first ones those that share most


def target_logits(engine: Any, model: Any, batch: dict[str, Any]) -> torch.Tensor:
    """The logits [L, V] at the batch's positions; the model itself computes (scales, caps) them."""

    def select(_: Any, hidden: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
        return (hidden[0].flatten(0, 1)[batch["positions"]].unsqueeze(0),)

    taken = {name: batch[name] for name in ("input_ids", "position_ids", "forest") if name in batch}
    hook = model.get_output_embeddings().register_forward_pre_hook(select)
    try:
        logits: torch.Tensor = engine(**taken, use_cache=False).logits[0]
    finally:
        hook.remove()
    return logits


@torch.no_grad()
def refuses(engine: Any, model: Any, encoded: Sequence[Encoded]) -> str | None:
    """Why a model cannot take its examples as a forest, found by trying; None if it gives its own logits.

    The model is left with the attention that it is to be trained with.
    """
    probe = sorted(encoded[: 16 * PROBED], key=lambda example: example.ids)[:PROBED]
    own, was_training = model.config._attn_implementation, engine.training
    refusal = None
    engine.eval()
    expected = target_logits(engine, model, on_device(pad(probe), model.device)).float()
    try:
        model.set_attn_implementation(NAME)
        found = target_logits(engine, model, on_device(plant(probe), model.device)).float()
        if (found - expected).abs().max() > ROUNDING[model.dtype] * expected.abs().max():
            refusal = "its logits differ from its own"
    except (TypeError, ValueError, RuntimeError) as error:  # any refusal of a layer, of a keyword
        refusal = f"{type(error).__name__}: {error}".split("\n")[0]
    engine.train(was_training)
    if refusal:
        model.set_attn_implementation(own)
    return refusal


def on_device(batch: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """A batch whose tensors, those of its trees too, are on a device."""
    trees: list[Tree] = batch.get("forest", [])
    moved = {name: part.to(device) for name, part in batch.items() if name != "forest"}
    return moved | ({"forest": [tree.to(device) for tree in trees]} if trees else {})
