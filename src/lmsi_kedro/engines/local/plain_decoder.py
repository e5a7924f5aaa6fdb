"""Decodes with the model's own cache, for models that the prefix tree does not support; prompts are not shared."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class PlainDecoder:
    """Repeats the prompt for each path, with padding on the left."""

    refills = False  # a new batch begins only when all paths of the last one have ended

    def __init__(self, model: Any) -> None:
        self.model = model

    def start(self, prompts: Sequence[list[int]], rows: int, capacity: int) -> None:
        """Stores the prompts and frees the cache of earlier ones."""
        self.forget()
        self.prompts = prompts

    def forget(self) -> None:
        """Frees the memory of all prompts and paths."""
        self.cache: Any = None

    def add(self, questions: Tensor) -> Tensor:
        """Starts a batch with one path for each question [R]; returns the logits [R, V] of the first tokens."""
        whole = [self.prompts[question] for question in questions.tolist()]
        width = max(map(len, whole))
        ids = torch.zeros(len(whole), width, dtype=torch.long)
        self.mask = torch.zeros_like(ids)
        for row, tokens in enumerate(whole):
            ids[row, width - len(tokens) :] = torch.tensor(tokens)
            self.mask[row, width - len(tokens) :] = 1
        self.mask = self.mask.to(self.model.device)
        self.cache = None
        return self.forward(ids, (self.mask.cumsum(1) - 1).clamp(min=0))

    def step(self, tokens: Tensor) -> Tensor:
        """The logits [R, V] after one more token [R] in each row."""
        positions = self.mask.sum(1, keepdim=True)
        self.mask = torch.cat([self.mask, torch.ones_like(positions)], dim=1)
        return self.forward(tokens[:, None], positions)

    def keep(self, rows: Tensor) -> None:
        """Removes all other rows from the batch."""
        rows = rows.to(self.model.device)
        self.mask = self.mask[rows]
        self.cache.batch_select_indices(rows)

    def forward(self, ids: Tensor, positions: Tensor) -> Tensor:
        output = self.model(
            input_ids=ids.to(self.model.device),
            attention_mask=self.mask,
            position_ids=positions.to(self.model.device),
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self.cache = output.past_key_values
        return output.logits[:, -1]  # type: ignore[no-any-return]
