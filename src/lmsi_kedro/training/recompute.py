"""On a CPU, uses gradient checkpointing only for as many layers as memory requires.

A layer whose activations are computed again takes a third more time than one that keeps them, and its gradients
are bit-identical.
"""

from typing import Any

import torch
from transformers.modeling_layers import GradientCheckpointingLayer

# Of the memory that is free when the first step begins; gradients and optimizer states come later.
SHARE = 1 / 12
# Activations in addition to inputs and outputs of linear layers, measured for Llama.
OTHERS = 1.4


class Recomputed:
    """The layers of a model that uses gradient checkpointing, and the bytes that their activations may take."""

    def __init__(self, model: torch.nn.Module, free: int) -> None:
        found = [part for part in model.modules() if isinstance(part, GradientCheckpointingLayer)]
        self.layers: list[Any] = [layer for layer in found if bytes_per_token(layer)]
        self.budget = SHARE * free

    def fit(self, tokens: int) -> int:
        """Keeps the activations of as many layers as fit for this many tokens; returns how many it recomputes."""
        left = self.budget
        for layer in reversed(self.layers):
            left -= tokens * bytes_per_token(layer)
            layer.gradient_checkpointing = left < 0
        return sum(layer.gradient_checkpointing for layer in self.layers)


def bytes_per_token(layer: torch.nn.Module) -> float:
    """An estimate of the activations that a layer keeps for the backward pass."""
    linear = [part for part in layer.modules() if isinstance(part, torch.nn.Linear)]
    size = sum(
        (part.in_features + part.out_features) * part.weight.element_size() for part in linear
    )
    return OTHERS * size
