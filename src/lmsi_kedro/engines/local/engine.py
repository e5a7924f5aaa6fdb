"""Samples paths with a transformers model on this machine.

The random numbers of a token depend only on (seed, question, path, position), not on the rest of the batch. Logits
may be rounded differently in another batch, so identical bytes are guaranteed only for whole chunks. For models
that the prefix tree supports, a common prefix of prompts is computed once; others use the cache of transformers.
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

from lmsi_kedro.engines.architecture import check_int8
from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local.graphs import GraphDecoder
from lmsi_kedro.engines.local.plain_decoder import PlainDecoder
from lmsi_kedro.engines.local.rows import Rows, Stops
from lmsi_kedro.engines.local.tree_decoder import TreeDecoder, unsupported_reason
from lmsi_kedro.kernels import LogitsError, dispatch, sample_tokens
from lmsi_kedro.kernels.attention import ROUNDING
from lmsi_kedro.model_files import load_model
from lmsi_kedro.params import Conversation, Sampling
from lmsi_kedro.tasks.encoding import AUTO, Encoder

log = logging.getLogger(__name__)


class LocalEngine:
    """A model loaded for sampling, on a GPU if there is one.

    With torch.int8, only the weights of linear layers are int8; everything else is as with torch.bfloat16.
    """

    def __init__(
        self,
        directory: Path,
        dtype: torch.dtype,
        conversation: Conversation = AUTO,
        trust_remote_code: bool = False,
        rows: int = 256,
    ) -> None:
        disable_progress_bar()  # the bars of all workers would hide our own progress
        int8 = dtype == torch.int8
        if int8:
            check_int8(directory, trust_remote_code)
            dtype = torch.bfloat16
        self.rows = rows
        self.encoder = Encoder.of(directory, conversation, trust_remote_code)
        self.model = load_model(directory, dtype, trust_remote_code).eval()
        if torch.cuda.is_available():
            self.model.to("cuda")
        ends = self.encoder.ends(self.model.generation_config)
        self.stops = Stops(self.encoder, ends)
        # The embeddings of most models are padded with rows that belong to no token.
        self.vocabulary = max(self.encoder.tokenizer.get_vocab().values()) + 1
        self.parameters: int = self.model.num_parameters()
        self.decoder: Any = self.fastest(ROUNDING[dtype], int8)

    def fastest(self, tolerance: float, int8: bool) -> Any:
        """The fastest decoder that gives the model's own logits within `tolerance`; int8: with int8 layers."""
        reason = unsupported_reason(TreeDecoder, self.model, tolerance)
        if reason:
            log.warning("No prefix tree for this model, paths do not share prompts: %s", reason)
        if self.model.device.type != "cpu":
            return PlainDecoder(self.model) if reason else GraphDecoder(self.model)
        if dispatch.implementation() == "reference":
            return PlainDecoder(self.model) if reason else TreeDecoder(self.model)
        from lmsi_kedro.engines.local.native_decoder import NativeDecoder
        from lmsi_kedro.engines.local.packing import pack

        pack(self.model, int8)
        if reason:
            return PlainDecoder(self.model)
        reason = unsupported_reason(NativeDecoder, self.model, tolerance)
        if reason:
            log.info("Steps run module by module: %s", reason)
        return TreeDecoder(self.model) if reason else NativeDecoder(self.model)

    @torch.inference_mode()
    def sample(self, requests: Sequence[Request], sampling: Sampling) -> pl.DataFrame:
        """Returns the table `paths` without exemplar_set; all requests must have the same number of paths."""
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
        """The result of `decode`, or None if memory ran out, so that the caller can retry with half the batch."""
        try:
            return self.decode(requests, prompts, sampling, rows)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or len(requests) == rows == 1:
                raise
        self.decoder.forget()
        torch.cuda.empty_cache()
        log.warning(
            "Out of memory with %d questions in batches of %d rows: halving both",
            len(requests),
            rows,
        )
        return None

    def decode(
        self,
        requests: Sequence[Request],
        prompts: Sequence[list[int]],
        sampling: Sampling,
        rows: int,
    ) -> pl.DataFrame:
        """Samples all paths; when one ends, the next one takes its place in the batch."""
        paths = Rows(requests, self.stops, sampling.max_new_tokens, rows)
        for _ in self.steps(paths, prompts, sampling):
            pass
        return paths.table()

    @torch.inference_mode()
    def stream(self, request: Request, sampling: Sampling) -> Iterator[pl.DataFrame]:
        """Yields tables of the paths that have just ended; together they equal the result of `sample`."""
        paths = Rows([request], self.stops, sampling.max_new_tokens, self.rows)
        yielded = np.zeros(len(paths.path), bool)
        for _ in self.steps(paths, self.encoder.prompts([request.prompt]), sampling):
            new = paths.done & ~yielded
            if new.any():
                yielded |= new
                yield paths.table().filter(new)

    def steps(
        self, paths: Rows, prompts: Sequence[list[int]], sampling: Sampling
    ) -> Iterator[None]:
        """Samples one token for every row in each iteration."""
        self.decoder.start(prompts, paths.size, sampling.max_new_tokens)
        while paths.are_left:
            coming = paths.coming(self.decoder.refills)
            paths.append(*self.sample_row_tokens(self.logits(paths, coming), sampling, paths))
            yield

    def sample_row_tokens(
        self, logits: Tensor, sampling: Sampling, rows: Rows
    ) -> tuple[Tensor, Tensor]:
        """A token for each row and its log-probability; ValueError names a path with NaN or infinite logits."""
        try:
            return sample_tokens(
                logits[:, : self.vocabulary], sampling, rows.counters(sampling.seed)
            )
        except LogitsError as error:
            narrow = "" if self.model.dtype == torch.float32 else ", or try engine.dtype=float32"
            raise ValueError(
                f"{rows.describe(error.row)}: {error.fault}. The model's weights are damaged: fetch it "
                f"again{narrow}"
            ) from error

    def logits(self, rows: Rows, coming: int) -> Tensor:
        """The logits [R, V] of the rows in the batch, and of those that join it."""
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
    """Whether GPU or CPU memory ran out; on the CPU, torch raises a plain RuntimeError and numpy a MemoryError."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or should_reduce_batch_size(
        error
    )
