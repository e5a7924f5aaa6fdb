"""Samples paths with a transformers model on this machine.

The shared prompt is computed once and kept, each question once, and its m paths share both. Draws depend only on
(seed, question, path, position), never on the rows beside it; the logits may round differently with them, so
exact bytes are promised for whole chunks.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from lmsi_kedro.engines.local.tree import NAME, PrefixTree
from lmsi_kedro.engines.plan import Request
from lmsi_kedro.kernels import sample_tokens
from lmsi_kedro.params import Sampling
from lmsi_kedro.tasks import STOP
from lmsi_kedro.tasks.encoding import encode_parts

TAIL = 8  # tokens looked at for a stop sequence; "\nQ:" is at most 3 tokens of any tokenizer
COMPACT = 8  # steps between dropping finished rows: copying the cache costs about one step


class LocalEngine:
    """A model directory, loaded for sampling."""

    def __init__(self, directory: Path, dtype: torch.dtype) -> None:
        disable_progress_bar()  # a bar per worker would hide our own progress
        self.tokenizer = AutoTokenizer.from_pretrained(directory)
        self.model = AutoModelForCausalLM.from_pretrained(
            directory, dtype=dtype, attn_implementation=NAME
        ).eval()
        self.head = self.model.get_output_embeddings()
        self.layers = self.model.config.num_hidden_layers
        self._shared: tuple[list[int], list[list[Any]], int] | None = None

    @torch.inference_mode()
    def sample(self, requests: Sequence[Request], sampling: Sampling) -> pl.DataFrame:
        """The paths of requests that have one shared prompt: columns of `paths` but exemplar_set."""
        tree, logits, rows = self.prefill(requests, sampling.max_new_tokens)
        paths = Rows(requests, rows, self.tokenizer)
        position = 0
        while True:
            counters = paths.counters(sampling.seed, position)
            tokens, logprobs = sample_tokens(logits, sampling, counters)
            position += 1
            paths.append(tokens, logprobs, last=position == sampling.max_new_tokens)
            if not paths.active.any():
                return paths.table()
            if position % COMPACT == 0 and not paths.active.all():
                tree.keep(paths.compact())
                tree.assign(paths.questions)
            logits = self.step(tree, paths.last_tokens, paths.starts + position - 1)

    def prefill(
        self, requests: Sequence[Request], capacity: int
    ) -> tuple[PrefixTree, Tensor, Tensor]:
        """The tree below all paths, the logits of their first tokens [R, V], and first positions [N]."""
        parts = [
            encode_parts(self.tokenizer, request.prompt.shared, request.prompt.own)
            for request in requests
        ]
        shared, offset = self.shared_level(parts[0][0])
        ids = [own for _, own in parts]
        lengths = torch.tensor([len(question) for question in ids])
        padded = torch.zeros(len(ids), int(lengths.max()), dtype=torch.long)
        for row, question in enumerate(ids):
            padded[row, : len(question)] = torch.tensor(question)
        tree = PrefixTree(self.layers, padded.shape[1], shared)
        positions = offset + torch.arange(padded.shape[1]).expand_as(padded)
        hidden = self.forward(tree, padded, positions)
        logits = self.head(hidden[torch.arange(len(ids)), lengths - 1])
        counts = torch.tensor([len(request.paths) for request in requests])
        questions = torch.arange(len(ids)).repeat_interleave(counts)
        paths = PrefixTree(self.layers, capacity, tree.as_questions(lengths))
        paths.assign(questions)
        return paths, logits[questions], offset + lengths

    def shared_level(self, prefix: list[int]) -> tuple[list[list[Any]], int]:
        """The shared prompt's keys per layer, kept from the last call, and its length in tokens."""
        if self._shared is None or self._shared[0] != prefix:
            ids = torch.tensor([prefix], dtype=torch.long)
            levels: list[list[Any]] = [[] for _ in range(self.layers)]
            if ids.shape[1]:
                tree = PrefixTree(self.layers, ids.shape[1], levels)
                self.forward(tree, ids, torch.arange(ids.shape[1])[None])
                levels = tree.as_shared()
            self._shared = (prefix, levels, ids.shape[1])
        return self._shared[1], self._shared[2]

    def step(self, tree: PrefixTree, tokens: Tensor, positions: Tensor) -> Tensor:
        """Logits [R, V] after one more token [R] of each row."""
        hidden = self.forward(tree, tokens[:, None], positions[:, None])
        return self.head(hidden[:, 0])  # type: ignore[no-any-return]

    def forward(self, tree: PrefixTree, ids: Tensor, positions: Tensor) -> Tensor:
        """Hidden states [R, T, width] of tokens that continue the tree."""
        output = self.model.model(
            input_ids=ids, position_ids=positions, past_key_values=tree, use_cache=True, tree=tree
        )
        return output.last_hidden_state  # type: ignore[no-any-return]


def stream_of(question_id: str) -> int:
    """The 64-bit random stream of a question."""
    return int.from_bytes(hashlib.blake2b(question_id.encode(), digest_size=8).digest(), "big")


class Rows:
    """The tokens drawn so far for the paths of a chunk, and which rows are still being written."""

    def __init__(self, requests: Sequence[Request], starts: Tensor, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.ids = [(request.question_id, path) for request in requests for path in request.paths]
        counts = torch.tensor([len(request.paths) for request in requests])
        self.questions = torch.arange(len(requests)).repeat_interleave(counts)
        self.starts = starts[self.questions]
        self.streams = np.array([stream_of(question) for question, _ in self.ids], np.uint64)
        self.tokens: list[list[int]] = [[] for _ in self.ids]
        self.logprobs = np.zeros(len(self.ids))
        self.finish = ["length"] * len(self.ids)
        self.index = torch.arange(len(self.ids))  # the path of each row of the batch
        self.active = torch.ones(len(self.ids), dtype=torch.bool)

    def counters(self, seed: int, position: int) -> np.ndarray:
        """[R, 4]: seed, stream, path, position."""
        rows = self.index.numpy()
        counters = np.empty((len(rows), 4), np.uint64)
        counters[:, 0], counters[:, 3] = seed, position
        counters[:, 1] = self.streams[rows]
        counters[:, 2] = [self.ids[row][1] for row in rows]
        return counters

    def append(self, tokens: Any, logprobs: Any, last: bool) -> None:
        """Add one token to every active row, and end the rows that are done."""
        self.last_tokens = torch.as_tensor(tokens).long()
        drawn, gains = self.last_tokens.tolist(), np.asarray(logprobs, np.float64)
        writing = self.active.nonzero().flatten().tolist()
        for row in writing:
            path = int(self.index[row])
            self.tokens[path].append(drawn[row])
            self.logprobs[path] += gains[row]
        tails = [self.tokens[int(self.index[row])][-TAIL:] for row in writing]
        for row, tail, text in zip(writing, tails, self.tokenizer.batch_decode(tails), strict=True):
            if tail[-1] == self.tokenizer.eos_token_id or STOP in text:
                self.finish[int(self.index[row])] = "stop"
                self.active[row] = False
        if last:
            self.active[:] = False

    def compact(self) -> Tensor:
        """Drop the finished rows; returns the rows kept."""
        kept = self.active.nonzero().flatten()
        self.index, self.active = self.index[kept], self.active[kept]
        self.questions, self.starts = self.questions[kept], self.starts[kept]
        self.last_tokens = self.last_tokens[kept]
        return kept

    def table(self) -> pl.DataFrame:
        """Texts end where the model ended them, or where it began to invent a question."""
        texts = self.tokenizer.batch_decode(self.tokens, skip_special_tokens=True)
        return pl.DataFrame(
            {
                "question_id": [question for question, _ in self.ids],
                "path": pl.Series([path for _, path in self.ids], dtype=pl.Int32),
                "text": [text.split(STOP)[0].strip() for text in texts],
                "tokens": pl.Series([len(tokens) for tokens in self.tokens], dtype=pl.Int32),
                "logprob": self.logprobs,
                "finish": self.finish,
            }
        )
