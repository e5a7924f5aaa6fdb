"""Estimates the memory that sampling needs, and chooses the largest batch size that fits into free memory."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nlargest
from pathlib import Path
from typing import Any

from lmsi_kedro.engines.architecture import (
    activations_per_token,
    attends_fully,
    cached_per_token,
    text_config,
)
from lmsi_kedro.hardware import free_memory, gpus
from lmsi_kedro.model_files import count_parameters
from lmsi_kedro.params import EngineParams
from lmsi_kedro.tasks.encoding import Encoder, alike

log = logging.getLogger(__name__)
# With int8, keys, values and activations are in bfloat16, and so are all weights until they are quantised.
BYTES = {"bfloat16": 2, "float32": 4, "int8": 2}
USABLE = 0.8  # the share of free memory to plan with; the rest is lost to fragmentation
PROCESS = 512 << 20  # bytes that torch and transformers, or CUDA on a GPU, take without a model
# To find the prompt of a group with the most tokens, only this many of its longest texts are encoded.
LONGEST = 16


@dataclass(frozen=True)
class Demand:
    """The memory that a worker needs, in bytes.

    fixed: what it always needs; shared: what it needs while it computes the shared prompt; row: what it needs for
    each row of a batch.
    """

    fixed: int
    shared: int
    row: int

    def of(self, rows: int) -> int:
        """The bytes for a batch of this many rows."""
        return self.fixed + max(self.shared, rows * self.row)

    def rows(self, engine: EngineParams) -> int:
        """The largest batch size that fits into free memory, at most paths_per_chunk; ValueError if no row fits.

        It is a power of two, so that a resumed run finds the same size even if slightly less memory is free.
        """
        free = free_memory(engine.workers)
        if self.of(1) > USABLE * free:
            raise ValueError(
                f"a row needs {self.of(1) / 2**30:.1f} GiB of memory, and {free / 2**30:.1f} GiB are free for "
                "each worker: lower engine.workers or paths.sampling.max_new_tokens, or use a smaller model"
            )
        fitting = int(USABLE * free - self.fixed) // self.row
        return min(1 << (fitting.bit_length() - 1), engine.paths_per_chunk)


def demand(model: Path, engine: EngineParams, shared: int, own: int, new: int) -> Demand:
    """Estimate the memory for paths of `new` tokens, in the worst case.

    Prompts have at most `shared` tokens in common and `own` others. In the worst case every row has a different
    question, as in greedy evaluation. A row needs most memory while its question is computed or when its path
    ends. Without the prefix tree, every row holds the whole prompt.
    """
    config = text_config(model, engine.trust_remote_code)
    size = BYTES[engine.number_format]
    fixed = PROCESS + weight_bytes(model, config, size)
    numbers = cached_per_token(config)
    token, work = size * numbers, size * activations_per_token(config)
    logits = size * config.vocab_size
    if not attends_fully(config):
        prompt = shared + own
        return Demand(fixed, 0, max(prompt * (token + work), (prompt + new) * token + 2 * logits))
    # On the CPU there may also be a packed copy of the prefixes, in float32 at most.
    kept = token if gpus() else token + BYTES["float32"] * numbers
    # Attention holds each score four times: raw, masked, as a float32 weight, and as the weight that is used.
    score = (3 * size + BYTES["float32"]) * (getattr(config, "num_attention_heads", None) or 0)
    return Demand(
        fixed + shared * kept,
        shared * (work + score * shared),
        max(
            own * (2 * token + work + score * (shared + own)),
            own * kept + new * token + 3 * logits,
        ),
    )


def weight_bytes(model: Path, config: Any, size: int) -> int:
    """The bytes of a model's weights in memory, with `size` bytes per parameter."""
    # On the CPU, linear layers are packed, so an LM head that is tied to the embedding becomes a copy.
    tied = getattr(config, "tie_word_embeddings", False) and not gpus()
    head = config.vocab_size * config.hidden_size if tied else 0
    return size * (count_parameters(model) + int(head))


def with_rows(
    engine: EngineParams, model: Path, prompts: Iterable[Sequence[str]], new: int
) -> EngineParams:
    """Return the parameters with `rows` set: if it is None, to the largest batch size that fits into free memory.

    prompts: groups of prompts; the prompts of a group have a common prefix, and no group is empty.
    """
    if engine.rows is not None:
        return engine
    if engine.is_served:  # servers choose their own batch size
        return engine.model_copy(update={"rows": engine.paths_per_chunk})
    if engine.executor == "ray":
        raise ValueError(
            "engine.rows must be given with executor ray: the memory of its nodes is not measured"
        )
    encoder = Encoder.of(model, engine.conversation, engine.trust_remote_code)
    parts = [parts_of(encoder, group) for group in prompts]
    rows = demand(model, engine, *longest(parts), new).rows(engine)
    log.info(
        "Batches of %d rows fit into the free memory. The number is part of every chunk's address; "
        "engine.rows=%d keeps it even if less memory is free later",
        rows,
        rows,
    )
    return engine.model_copy(update={"rows": rows})


def parts_of(encoder: Encoder, prompts: Sequence[str]) -> tuple[int, int]:
    """The length in tokens of the common prefix of a group's prompts, and of the longest remainder."""
    ends = encoder.prompts([min(prompts), max(prompts)])  # no pair has a shorter common prefix
    texts = nlargest(LONGEST, prompts, key=lambda text: len(text.encode()))
    shared, most = alike(ends), max(map(len, encoder.prompts(texts)))
    return shared, most - shared


def longest(parts: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The longest prefix and the longest remainder over all groups."""
    return max((shared for shared, _ in parts), default=0), max(
        (own for _, own in parts), default=0
    )
