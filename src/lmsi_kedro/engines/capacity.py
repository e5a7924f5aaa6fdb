"""What sampling needs of a worker's memory, and how many rows at a time what is free has room for."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nlargest
from pathlib import Path
from typing import Any

from lmsi_kedro.engines.architecture import (
    attends_fully,
    numbers_at_work,
    numbers_per_token,
    text_config,
)
from lmsi_kedro.hardware import free_memory, gpus
from lmsi_kedro.model_files import count_parameters
from lmsi_kedro.params import EngineParams
from lmsi_kedro.tasks.encoding import Encoder, alike

log = logging.getLogger(__name__)
BYTES = {"bfloat16": 2, "float32": 4}
USABLE = 0.8  # of the free memory; the rest is for what fragments leave
PROCESS = 512 << 20  # torch and transformers, or what CUDA keeps of a GPU
LONGEST = 16  # texts of a group, in bytes, among which the one with the most tokens is


@dataclass(frozen=True)
class Demand:
    """Bytes in a worker: of what stays, of the shared prompt while it is computed, of a row with its question."""

    fixed: int
    shared: int
    row: int

    def of(self, rows: int) -> int:
        return self.fixed + max(self.shared, rows * self.row)

    def rows(self, engine: EngineParams) -> int:
        """The power of two that fits into the free memory, at most paths_per_chunk; ValueError when none does.

        A power of two, so that a resumed run finds the same number although not quite as much is free.
        """
        free = free_memory(engine.workers)
        if self.of(1) > USABLE * free:
            raise ValueError(
                f"a row needs {self.of(1) / 2**30:.1f} GiB of memory, {free / 2**30:.1f} are free for each "
                "worker: lower engine.workers or paths.sampling.max_new_tokens, or use a smaller model"
            )
        fitting = int(USABLE * free - self.fixed) // self.row
        return min(1 << (fitting.bit_length() - 1), engine.paths_per_chunk)


def demand(model: Path, engine: EngineParams, shared: int, own: int, new: int) -> Demand:
    """For prompts of at most shared and own tokens, and paths of at most new ones.

    At worst no two rows have one question, as in greedy evaluation. A row takes most while its question is
    computed or when its path ends. Without the prefix tree it holds the whole prompt.
    """
    config = text_config(model, engine.trust_remote_code)
    size = BYTES[engine.number_format]
    fixed = PROCESS + weight_bytes(model, config, size)
    numbers = numbers_per_token(config)
    token, work = size * numbers, size * numbers_at_work(config)
    logits = size * config.vocab_size
    if not attends_fully(config):
        prompt = shared + own
        return Demand(fixed, 0, max(prompt * (token + work), (prompt + new) * token + 2 * logits))
    # On the CPU, prefixes are packed beside; in float32 at most, as bfloat16 stays what it is.
    kept = token if gpus() else token + BYTES["float32"] * numbers
    # A score is there as it is, masked, as a weight in float32, and as the weight that is used.
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
    """Of a model's weights in numbers of `size` bytes, as they lie in memory."""
    # On the CPU layers are packed: a head that is tied to the embedding becomes one more.
    tied = getattr(config, "tie_word_embeddings", False) and not gpus()
    head = config.vocab_size * config.hidden_size if tied else 0
    return size * (count_parameters(model) + int(head))


def with_rows(
    engine: EngineParams, model: Path, prompts: Iterable[Sequence[str]], new: int
) -> EngineParams:
    """The parameters with a number of rows, chosen by the free memory where they leave it open.

    prompts come in groups that begin alike, none of them empty.
    """
    if engine.rows is not None:
        return engine
    if engine.is_served:  # they decode as they like
        return engine.model_copy(update={"rows": engine.paths_per_chunk})
    if engine.executor == "ray":
        raise ValueError("engine.rows must be given with executor ray: its nodes' memory is theirs")
    encoder = Encoder.of(model, engine.conversation, engine.trust_remote_code)
    parts = [parts_of(encoder, group) for group in prompts]
    rows = demand(model, engine, *longest(parts), new).rows(engine)
    log.info(
        "%d rows at a time fit into the free memory. They are in each chunk's address: engine.rows=%d keeps them",
        rows,
        rows,
    )
    return engine.model_copy(update={"rows": rows})


def parts_of(encoder: Encoder, prompts: Sequence[str]) -> tuple[int, int]:
    """Tokens that all prompts of a group begin with, and of the longest rest of one."""
    ends = encoder.prompts([min(prompts), max(prompts)])  # all others begin as these two do
    texts = nlargest(LONGEST, prompts, key=lambda text: len(text.encode()))
    shared, most = alike(ends), max(map(len, encoder.prompts(texts)))
    return shared, most - shared


def longest(parts: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The longest part that is shared, and the longest that is not."""
    return max((shared for shared, _ in parts), default=0), max(
        (own for _, own in parts), default=0
    )
