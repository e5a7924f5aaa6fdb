"""Computes the logits of target tokens, and tests whether a model gives the same logits for a packed batch.

The LM head runs only at the positions that predict a target token. If 25 % of the tokens are targets, this saves
most of the time for head and loss.
"""

from collections.abc import Sequence
from typing import Any

import torch

from lmsi_kedro.kernels.attention import ROUNDING
from lmsi_kedro.tasks.encoding import Encoded
from lmsi_kedro.training.attention import NAME
from lmsi_kedro.training.forest import Tree, pad, plant

PROBED = 4  # number of examples in the trial


def target_logits(engine: Any, model: Any, batch: dict[str, Any]) -> torch.Tensor:
    """The logits [L, V] at the batch's positions, scaled and capped by the model itself."""

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
def unsupported_reason(engine: Any, model: Any, encoded: Sequence[Encoded]) -> str | None:
    """Why a model does not support packed batches, found by a trial; None if they give the model's own logits.

    Afterwards the model uses the attention implementation with which it should be trained.
    """
    probe = sorted(encoded[: 16 * PROBED], key=lambda example: example.ids)[:PROBED]
    own, was_training = model.config._attn_implementation, engine.training
    reason = None
    engine.eval()
    expected = target_logits(engine, model, on_device(pad(probe), model.device)).float()
    try:
        model.set_attn_implementation(NAME)
        found = target_logits(engine, model, on_device(plant(probe), model.device)).float()
        if (found - expected).abs().max() > ROUNDING[model.dtype] * expected.abs().max():
            reason = "a packed batch changes its logits"
    except (TypeError, ValueError, RuntimeError) as error:  # raised by a layer of the model
        reason = f"{type(error).__name__}: {error}".split("\n")[0]
    engine.train(was_training)
    if reason:
        model.set_attn_implementation(own)
    return reason


def on_device(batch: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """The batch with all tensors, including those of its trees, on the device."""
    trees: list[Tree] = batch.get("forest", [])
    moved = {name: part.to(device) for name, part in batch.items() if name != "forest"}
    return moved | ({"forest": [tree.to(device) for tree in trees]} if trees else {})
