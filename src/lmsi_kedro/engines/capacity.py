"""What sampling needs of a worker's memory, and how many rows at a time what is free has room for."""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmsi_kedro.hardware import free_memory
from lmsi_kedro.params import EngineParams
from lmsi_kedro.tasks import Prompt

log = logging.getLogger(__name__)
BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}
USABLE = 0.8  # of the free memory; the rest is for activations and what fragments leave
CHARACTERS = 2  # a token has at least, on average: English has 3 to 5


@dataclass(frozen=True)
class Demand:
    """Bytes in one worker: of the weights and the shared prompt, and of each row."""

    fixed: int
    row: int

    def of(self, rows: int) -> int:
        return self.fixed + rows * self.row

    def rows(self, engine: EngineParams) -> int:
        """The power of two that fits into the free memory, at most paths_per_chunk; ValueError when none does.

        A power of two, so that a resumed run finds the same number although not quite as much is free.
        """
        free = free_memory(engine.workers)
        fitting = int(USABLE * free - self.fixed) // self.row
        if fitting < 1:
            raise ValueError(
                f"a row needs {self.of(1) / 2**30:.1f} GiB of memory, {free / 2**30:.1f} are free for each "
                "worker: lower engine.workers or paths.sampling.max_new_tokens, or use a smaller model"
            )
        return min(1 << (fitting.bit_length() - 1), engine.paths_per_chunk)


def demand(model: Path, engine: EngineParams, shared: int, own: int, new: int) -> Demand:
    """For prompts of at most shared and own tokens, and paths of at most new ones.

    A row has a path, its logits as they are and in float32, and at worst a question that no other row shares.
    """
    whole = json.loads((model / "config.json").read_text())
    config = whole.get("text_config", whole)
    size = BYTES[engine.number_format]
    stored = BYTES.get(str(config.get("dtype") or config.get("torch_dtype")), 2)
    weights = sum(file.stat().st_size for file in model.glob("*.safetensors")) * size // stored
    token = size * numbers_per_token(config)
    logits = (size + BYTES["float32"]) * int(config["vocab_size"])
    return Demand(weights + shared * token, (own + new) * token + logits)


def numbers_per_token(config: dict[str, Any]) -> int:
    """Keys and values that a token leaves in all layers."""
    heads = int(config["num_attention_heads"])
    width = int(config.get("head_dim") or config["hidden_size"] // heads)
    shared = int(config.get("num_key_value_heads") or heads)
    return 2 * int(config["num_hidden_layers"]) * shared * width


def with_rows(
    engine: EngineParams, model: Path, prompts: Iterable[Prompt], new: int
) -> EngineParams:
    """The parameters with a number of rows, chosen by the free memory where they leave it open."""
    if engine.rows is not None:
        return engine
    if engine.executor == "server":  # decodes as it likes
        return engine.model_copy(update={"rows": engine.paths_per_chunk})
    if engine.executor == "ray":
        raise ValueError("engine.rows must be given with executor ray: its nodes' memory is theirs")
    shared, own = longest(prompts)
    rows = demand(model, engine, shared, own, new).rows(engine)
    log.info(
        "%d rows at a time fit into the free memory. They are in each chunk's address: engine.rows=%d keeps them",
        rows,
        rows,
    )
    return engine.model_copy(update={"rows": rows})


def longest(prompts: Iterable[Prompt]) -> tuple[int, int]:
    """At least the tokens of the longest part that is shared, and of the longest that is not."""
    shared = own = 0
    for prompt in prompts:
        shared, own = max(shared, len(prompt.shared)), max(own, len(prompt.own))
    return shared // CHARACTERS, own // CHARACTERS
