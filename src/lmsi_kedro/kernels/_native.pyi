# The C++ module (csrc/bindings); use it through the kernels' public functions.
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

class ArrowTable:
    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...

class Prefixes:
    @overload
    def __init__(self, keys: NDArray[Any], values: NDArray[Any], lengths: list[int]) -> None: ...
    @overload
    def __init__(self, room: list[int], heads: int, width: int, bfloat16: bool) -> None: ...
    def append(self, keys: NDArray[Any], values: NDArray[Any], counts: list[int]) -> None: ...
    @property
    def lengths(self) -> list[int]: ...

def attend(
    shared: Prefixes,
    questions: Prefixes,
    tokens: NDArray[np.float32],
    own_keys: NDArray[Any],
    own_values: NDArray[Any],
    paths: NDArray[np.int64],
    scale: float,
    output: NDArray[np.float32],
) -> None: ...
def attend_forest(
    queries: NDArray[np.uint16],
    keys: NDArray[np.uint16],
    values: NDArray[np.uint16],
    segments: NDArray[np.int64],
    scale: float,
    head: int,
    output: NDArray[np.uint16],
    logs: NDArray[np.float32],
) -> None: ...
def differentiate_forest(
    queries: NDArray[np.uint16],
    keys: NDArray[np.uint16],
    values: NDArray[np.uint16],
    segments: NDArray[np.int64],
    scale: float,
    head: int,
    output: NDArray[np.uint16],
    logs: NDArray[np.float32],
    of_output: NDArray[np.uint16],
    of_queries: NDArray[np.uint16],
    of_keys: NDArray[np.float32],
    of_values: NDArray[np.float32],
) -> None: ...

class Linear:
    def __init__(
        self, weight: NDArray[Any], bias: NDArray[Any] | None, int8: bool = False
    ) -> None: ...
    def apply(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> None: ...

class Decoder:
    def __init__(
        self,
        layers: list[tuple[Any, ...]],
        norm: NDArray[Any],
        head: Linear,
        heads: int,
        key_heads: int,
        width: int,
        epsilon: float,
    ) -> None: ...
    def step(
        self,
        x: NDArray[np.float32],
        cos: NDArray[np.float32],
        sin: NDArray[np.float32],
        levels: list[tuple[Prefixes, Prefixes, NDArray[Any], NDArray[Any]]],
        paths: NDArray[np.int64],
        scale: float,
        logits: NDArray[np.float32],
    ) -> None: ...

def count_votes(
    keys: Any, offsets: NDArray[np.int64], weights: NDArray[np.float64] | None = None
) -> ArrowTable: ...
def sample_tokens(
    logits: NDArray[Any],
    scale: float,
    top_k: int,
    nucleus: int,
    min_weight: int,
    counters: NDArray[np.uint64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]: ...
def sampling_isa() -> str: ...
def read_answers(
    texts: Any,
    kind: str,
    choices: Any,
    begins: Any,
    fall_back: bool,
    finish: Any,
    threads: int,
    comma: bool,
) -> ArrowTable: ...
def canonical_keys(
    answers: Any, kind: str, choices: Any, begins: Any, threads: int, comma: bool
) -> ArrowTable: ...
