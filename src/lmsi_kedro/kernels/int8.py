"""The specification of a linear layer with int8 weights (csrc/decoder), in plain torch.

    y = sum over blocks of depth (scale_x * (q_x q_w^T)) * scale_w / ROTATED

Weights and inputs are rotated, and then rounded to integers. Weights have a scale for each output, inputs a scale
for each row and block. The products of integers are exact, and everything else is computed in float32, in this
order, so the C++ gives the same bits.
"""

import torch
from torch import Tensor

ROTATED = 64  # numbers that are rotated together
BLOCK = 192  # inputs with one scale


def multiply(x: Tensor, weight: Tensor) -> Tensor:
    """x [R, I] weight [O, I] -> [R, O], in float32."""
    q, scale = quantised(rotated(weight.float()))
    total = x.new_zeros(len(x), len(weight))
    for part, columns in zip(rotated(x).split(BLOCK, 1), q.split(BLOCK, 1), strict=True):
        numbers, factor = quantised(part)
        total = total + (numbers.double() @ columns.double().T).float() * factor
    return total * (scale.T / ROTATED)


def rotated(x: Tensor) -> Tensor:
    """Multiplies each group of inputs, padded with zeros, by a Hadamard matrix H; H H^T = ROTATED.

    This spreads an outlier over its group, so that it does not take the precision of the other numbers.
    """
    x, h = torch.nn.functional.pad(x, (0, -x.shape[1] % ROTATED)), 1
    while h < ROTATED:
        low, high = x.reshape(len(x), -1, 2, h).unbind(2)
        x = torch.stack([low + high, low - high], 2)
        h *= 2
    return x.flatten(1)


def quantised(x: Tensor) -> tuple[Tensor, Tensor]:
    """The integers q in [-127, 127] and the scale [R, 1] of each row of x, where x is about q * scale."""
    largest = x.abs().amax(1, keepdim=True)
    # A tensor: torch computes number / x as number * (1 / x), which rounds twice.
    most = torch.tensor(127.0)
    factor = torch.where(largest > 2.0**-100, most / largest, 0)
    return (x * factor).round(), largest / most
