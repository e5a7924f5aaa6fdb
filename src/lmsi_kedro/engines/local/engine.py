"""Samples paths with a transformers model on this machine.

Draws depend only on (seed, question, path, position), never on the rows beside it; the logits may round
differently with them, so exact bytes are promised for whole chunks. With a model that the prefix tree serves,
prompts share what they begin with; all others decode as transformers has it.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from accelerate.utils.memory import should_reduce_batch_size
from torch import Tensor
from transformers.utils.logging import disable_progress_bar

from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local.graphs import GraphDecoder
from lmsi_kedro.engines.local.plain_decoder import PlainDecoder
from lmsi_kedro.engines.local.rows import Rows, Stops
from lmsi_kedro.engines.local.tree_decoder import TreeDecoder, refusal_of
from lmsi_kedro.kernels import LogitsError, dispatch, sample_tokens
from lmsi_kedro.kernels.attention import ROUNDING
from lmsi_kedro.model_files import load_model
from lmsi_kedro.params import Conversation, Sampling
from lmsi_kedro.tasks.encoding import AUTO, Encoder

log = logging.getLogger(__name__)


class LocalEngine:
    """A model directory, loaded for sampling on a GPU if there is one."""

    def __init__(
        self,
        directory: Path,
        dtype: torch.dtype,
        conversation: Conversation = AUTO,
        trust_remote_code: bool = False,
        rows: int = 256,
    ) -> None:
        disable_progress_bar()  # a bar per worker would hide our own progress
        self.rows = rows
        self.encoder = Encoder.of(directory, conversation, trust_remote_code)
        self.model = load_model(directory, dtype, trust_remote_code).eval()
        if torch.cuda.is_available():
            self.model.to("cuda")
        ends = self.encoder.ends(self.model.generation_config)
        self.stops = Stops(self.encoder, ends)
        # Models are padded with embeddings that no token has.
        self.vocabulary = max(self.encoder.tokenizer.get_vocab().values()) + 1
        self.parameters: int = self.model.num_parameters()
        self.decoder: Any = self.fastest(ROUNDING[dtype])

    def fastest(self, tolerance: float) -> Any:
        """The fastest decoder that gives the model's own logits within `tolerance`."""
        refusal = refusal_of(TreeDecoder, self.model, tolerance)
        if refusal:
            log.warning("No prefix tree for this model, paths do not share prompts: %s", refusal)
        if self.model.device.type != "cpu":
            return PlainDecoder(self.model) if refusal else GraphDecoder(self.model)
        if dispatch.implementation() == "reference":
            return PlainDecoder(self.model) if refusal else TreeDecoder(self.model)
        from lmsi_kedro.engines.local.native_decoder import NativeDecoder
        from lmsi_kedro.engines.local.packing import pack

        pack(self.model)
        if refusal:
            return PlainDecoder(self.model)
        refusal = refusal_of(NativeDecoder, self.model, tolerance)
        if refusal:
            log.info("Steps run module by module: %s", refusal)
        return TreeDecoder(self.model) if refusal else NativeDecoder(self.model)

    @torch.inference_mode()
    def sample(self, requests: Sequence[Request], sampling: Sampling) -> pl.DataFrame:
        """The paths of requests with as many paths each: `paths` but exemplar_set."""
        prompts = self.encoder.prompts([request.prompt for request in requests])
        tables: list[pl.DataFrame] = []
        done, size, rows = 0, len(requests), self.rows
        while done < len(requests):
            part = slice(done, done + size)
            table = self.tried(requests[part], prompts[part], sampling, rows)
            if table is None:
                rows = min(rows, sum(len(request.paths) for request in requests[part]))
                size, rows = -(-size // 2), -(-rows // 2)
            else:
                tables.append(table)
                done += size
        return pl.concat(tables)

    def tried(
        self,
        requests: Sequence[Request],
        prompts: Sequence[list[int]],
        sampling: Sampling,
        rows: int,
    ) -> pl.DataFrame | None:
        """`decode`; None if memory ran out, of which half as much may do."""
        try:
            return self.decode(requests, prompts, sampling, rows)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or len(requests) == rows == 1:
                raise
        torch.cuda.empty_cache()
        log.warning(
            "Out of memory with %d questions and %d rows at a time: halved", len(requests), rows
        )
        return None

    def decode(
        self,
        requests: Sequence[Request],
        prompts: Sequence[list[int]],
        sampling: Sampling,
        rows: int,
    ) -> pl.DataFrame:
        """Token after token; where a path ends, the next one begins, until none waits."""
        paths = Rows(requests, self.stops, sampling.max_new_tokens, rows)
        for _ in self.steps(paths, prompts, sampling):
            pass
        return paths.table()

    @torch.inference_mode()
    def stream(self, request: Request, sampling: Sampling) -> Iterator[pl.DataFrame]:
        """The paths of one request, in tables as they end; together what `sample` gives."""
        paths = Rows([request], self.stops, sampling.max_new_tokens, self.rows)
        told = np.zeros(len(paths.path), bool)
        for _ in self.steps(paths, self.encoder.prompts([request.prompt]), sampling):
            new = paths.done & ~told
            if new.any():
                told |= new
                yield paths.table().filter(new)

    def steps(
        self, paths: Rows, prompts: Sequence[list[int]], sampling: Sampling
    ) -> Iterator[None]:
        """Draws one token of every row at a time."""
        self.decoder.start(prompts, paths.size, sampling.max_new_tokens)
        while paths.are_left:
            coming = paths.coming(self.decoder.refills)
            paths.append(*self.draw(self.logits(paths, coming), sampling, paths))
            yield

    def draw(self, logits: Tensor, sampling: Sampling, rows: Rows) -> tuple[Tensor, Tensor]:
        """A token of each row and its log-probability; ValueError names the path whose logits are no numbers."""
        try:
            known = logits[:, : self.vocabulary]
            return sample_tokens(known, sampling, rows.counters(sampling.seed))
        except LogitsError as error:
            narrow = "" if self.model.dtype == torch.float32 else ", or try engine.dtype=float32"
            raise ValueError(
                f"{rows.named(error.row)}: {error.fault}. The model's weights are damaged: fetch it again{narrow}"
            ) from error

    def logits(self, rows: Rows, coming: int) -> Tensor:
        """[R, V] of the rows in work and of those that join them."""
        parts: list[Tensor] = []
        kept = rows.compact(coming)
        if kept is not None:
            self.decoder.keep(torch.from_numpy(kept))
        if len(rows.batch):
            parts.append(self.decoder.step(rows.last_tokens()))
        if coming:
            parts.append(self.decoder.add(torch.from_numpy(rows.begin(coming))))
        return torch.cat(parts) if len(parts) > 1 else parts[0]


def is_out_of_memory(error: Exception) -> bool:
    """Of a GPU, or of the machine, where torch raises a plain RuntimeError and numpy its own."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or should_reduce_batch_size(
        error
    )
