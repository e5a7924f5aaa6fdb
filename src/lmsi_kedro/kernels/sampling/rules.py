"""Sampling parameters as thresholds that all implementations share.

Reference, C++ and Triton compare integers with these thresholds, so they do not round parameters differently.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

# The most likely token has weight 2**44, so that the weights of any vocabulary sum to less than 2**63.
WEIGHT_BITS = 44
MAX_VOCABULARY = (1 << 19) - 1


class LogitsError(ValueError):
    """The logits of `row` do not define a distribution; `fault` says why."""

    def __init__(self, row: int, fault: str) -> None:
        super().__init__(f"row {row}: {fault}")
        self.row, self.fault = row, fault


class Sampling(Protocol):
    """The parameters of `sample_tokens`; top_k and min_p are off if they are 0, and top_p is off if it is 1."""

    @property
    def temperature(self) -> float: ...
    @property
    def top_k(self) -> int: ...
    @property
    def top_p(self) -> float: ...
    @property
    def min_p(self) -> float: ...


@dataclass(frozen=True)
class Rules:
    """Thresholds: `scale` turns a logit into a power of two, and the others filter integer weights."""

    scale: float  # log2(e) / temperature, a float32; 0 means greedy
    top_k: int  # 0: off
    nucleus: int  # floor(top_p * 2**64); 0: off
    min_weight: int  # ceil(min_p * 2**WEIGHT_BITS); 0: off

    @classmethod
    def of(cls, sampling: Sampling) -> "Rules":
        """Computes the rules of `sampling`; raises a ValueError that names a parameter out of range."""
        temperature, top_p, min_p = sampling.temperature, sampling.top_p, sampling.min_p
        if not (0 <= temperature < math.inf):
            raise ValueError(f"temperature must be finite and at least 0, not {temperature}")
        if sampling.top_k < 0:
            raise ValueError(f"top_k must be at least 0, not {sampling.top_k}")
        if not 0 < top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, not {top_p}")
        if not 0 <= min_p <= 1:
            raise ValueError(f"min_p must be between 0 and 1, not {min_p}")
        # Below 1e-38 the quotient would overflow. Such a temperature is the same as greedy decoding, except that
        # it samples among exactly equal maxima.
        scale = math.log2(math.e) / max(temperature, 1e-38) if temperature else 0.0
        return cls(
            scale=float(np.float32(scale)),
            top_k=int(sampling.top_k),
            nucleus=max(int(top_p * 2**64), 1) if top_p < 1 else 0,
            min_weight=math.ceil(min_p * 2**WEIGHT_BITS),
        )
