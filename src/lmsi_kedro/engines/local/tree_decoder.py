"""Decodes with a prefix tree: the common prefix of all prompts is computed once, and each question once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lmsi_kedro.engines.architecture import attends_fully
from lmsi_kedro.engines.local.tree import NAME, Paths, Prompts, Tree, own_buffers
from lmsi_kedro.kernels.attention import Prefixes
from lmsi_kedro.tasks.encoding import alike


@dataclass(frozen=True)
class Prefilled:
    """The keys and values of N prompts by layer; their first `common` tokens, the same in all, are in `shared`."""

    places: dict[tuple[int, ...], int]  # index of each prompt (token ids)
    lengths: Tensor  # [N], in tokens
    common: int
    shared: list[Any]
    questions: list[Any]
    first: Tensor  # [N, V], the logits of the first tokens


class TreeDecoder:
    """Supports models with plain attention layers; `unsupported_reason` tests this."""

    refills = True  # new paths may join the batch while others continue
    independent = False  # whether other prompts of the batch never change a bit of a prompt's keys

    def __init__(self, model: Any) -> None:
        model.set_attn_implementation(NAME)
        self.model, self.body = model, model.base_model
        self.head = model.get_output_embeddings()
        self.layers = model.config.get_text_config().num_hidden_layers
        self._shared: tuple[list[int], list[Any]] | None = None
        self.prefilled: Prefilled | None = None
        self.tree: Any = None

    def start(self, prompts: Sequence[list[int]], rows: int, capacity: int) -> None:
        """Computes the prompts (token ids), and allocates slots for `rows` paths of up to `capacity` tokens.

        Prompts of the last chunk are not computed again if that gives the same bits.
        """
        # Frees the memory of the last chunk before new memory is allocated.
        self.tree = None
        if not self.has(prompts):
            self.prefilled = None
            self.prefilled = self.computed_prompts(prompts)
        known = self.prefilled
        assert known is not None
        self.places = torch.tensor([known.places[tuple(ids)] for ids in prompts])
        own = self.own_buffers(known.questions, rows, capacity)
        self.tree = Paths(known.shared, known.questions, own)

    def has(self, prompts: Sequence[list[int]]) -> bool:
        """Whether these prompts are computed, with the same common prefix."""
        known = self.prefilled
        if known is None or known.common != alike(prompts):
            return False
        ids = [*map(tuple, prompts)]
        if self.independent:
            return all(prompt in known.places for prompt in ids)
        # Equal prompts have one place, so a batch with equal prompts is computed again.
        return len(ids) == len(known.lengths) and ids == [*known.places]

    def computed_prompts(self, prompts: Sequence[list[int]]) -> Prefilled:
        """Computes the common prefix once, unless the last chunk had it, too, and the rest of each prompt."""
        common = alike(prompts)
        shared = self.shared_prefix(prompts[0][:common])
        questions, last = self.prefill([ids[common:] for ids in prompts], shared)
        places = {tuple(ids): i for i, ids in enumerate(prompts)}
        lengths = torch.tensor([len(ids) for ids in prompts])
        return Prefilled(places, lengths, common, shared, questions, self.head(last))

    def forget(self) -> None:
        """Frees the memory of all prompts and paths."""
        self.tree = self.prefilled = self._shared = None

    def own_buffers(
        self, questions: Sequence[Prefixes], slots: int, capacity: int
    ) -> list[tuple[Tensor, Tensor]]:
        """Buffers for the keys and values of this many paths per layer, each with up to `capacity` tokens."""
        return [
            own_buffers(slots, keys.shape[1], capacity, keys.shape[3], keys)
            for keys in (level.keys for level in questions)
        ]

    def shared_prefix(self, prefix: list[int]) -> list[Any]:
        """The keys and values of the shared prompt per layer, cached for the next call."""
        if self._shared is None or self._shared[0] != prefix:
            self._shared = prefix, self.prefill([prefix], [])[0]
        return self._shared[1]

    def prefill(
        self, prompts: Sequence[list[int]], shared: Sequence[Prefixes]
    ) -> tuple[list[Prefixes], Tensor]:
        """Computes N prompts that continue the shared one; returns keys and values per layer, and hidden states.

        The hidden states [N, width] are those of the last tokens, normalized; without tokens they are undefined.
        """
        lengths = [len(ids) for ids in prompts]
        padded = torch.zeros(len(prompts), max(1, *lengths), dtype=torch.long)
        for row, ids in enumerate(prompts):
            padded[row, : len(ids)] = torch.tensor(ids)
        start = shared[0].lengths[0] if shared else 0
        tree = Prompts(self.layers, shared if start else [None] * self.layers)
        positions = start + torch.arange(padded.shape[1]).expand_as(padded)
        hidden = self.forward(tree, padded, positions)
        ends = torch.tensor(lengths, device=self.model.device)
        return tree.prefixes(lengths), hidden[torch.arange(len(prompts)), ends - 1]

    def add(self, questions: Tensor) -> Tensor:
        """Adds one path for each question [R]; returns the logits [R, V] of their first tokens."""
        assert self.prefilled is not None
        places, first = self.places[questions], self.prefilled.first
        self.tree.add(places)
        return first[places.to(first.device)]

    def step(self, tokens: Tensor) -> Tensor:
        """The logits [R, V] after one more token [R] in each row; the next step may overwrite them."""
        assert self.prefilled is not None
        place, _, length = self.tree.rows.unbind(1)
        positions = self.prefilled.lengths[place] + length
        logits = self.computed(tokens, positions, self.tree.rows)
        self.tree.advance()
        return logits

    def computed(self, tokens: Tensor, positions: Tensor, rows: Tensor) -> Tensor:
        """The logits [R, V] after tokens [R] at positions [R] in the tree's rows [R, 3]."""
        self.tree.step_rows = rows.to(self.model.device)
        hidden = self.forward(self.tree, tokens[:, None], positions[:, None])
        return self.head(hidden[:, 0])  # type: ignore[no-any-return]

    def keep(self, rows: Tensor) -> None:
        """Removes all other rows from the batch."""
        self.tree.keep(rows)

    def forward(self, tree: Tree, ids: Tensor, positions: Tensor) -> Tensor:
        """The hidden states [R, T, width] of tokens that continue the tree."""
        device = self.model.device
        output = self.body(
            input_ids=ids.to(device),
            position_ids=positions.to(device),
            past_key_values=tree,
            use_cache=True,
            tree=tree,
        )
        return output.last_hidden_state  # type: ignore[no-any-return]


@torch.inference_mode()
def unsupported_reason(
    decoder_of: Callable[[Any], TreeDecoder], model: Any, tolerance: float
) -> str | None:
    """Why a decoder does not support a model, found by a trial; None if it gives the model's own logits.

    The trial computes prompts of different lengths and one more token for each, so it detects models with other
    masks, positions, logit scales or caches. It would not detect a sliding window that is longer than its prompts,
    so the configuration is checked for one.
    """
    config = model.config.get_text_config()
    if not attends_fully(config):
        return "some of its layers do not attend to all tokens"
    tokens = [(7 * i + 3) % config.vocab_size for i in range(12)]
    prompts = [tokens[:7], tokens[:4] + tokens[6:11]]
    own = model.config._attn_implementation
    try:
        decoder = decoder_of(model)
        decoder.start(prompts, 4, 2)
        found = [
            decoder.add(torch.tensor([0, 0, 1, 1])),
            decoder.step(torch.tensor(tokens[1:5])),
        ]
    except Exception as error:  # a layer may reject the cache or an argument in any way
        return f"{type(error).__name__}: {error}".split("\n")[0]
    finally:
        model.set_attn_implementation(own)
    for row in range(4):
        ids = [*prompts[row // 2], tokens[1 + row]]
        expected = model(torch.tensor([ids], device=model.device)).logits[0, -2:].float()
        scale = tolerance * expected.abs().max()
        if any((found[t][row].float() - expected[t]).abs().max() > scale for t in (0, 1)):
            return "its logits differ from the model's own"
    return None
