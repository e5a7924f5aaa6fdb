"""Decodes with the prefix tree: the shared prompt is computed once, each question once, its paths share both."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lmsi_kedro.engines.local.tree import NAME, PrefixTree

Parts = tuple[list[int], list[int]]  # the token ids of a prompt: shared by all, and its own


class TreeDecoder:
    """For models whose attention layers are plain ones; `serves` tells."""

    def __init__(self, model: Any) -> None:
        model.set_attn_implementation(NAME)
        self.model, self.body = model, model.base_model
        self.head = model.get_output_embeddings()
        self.layers = model.config.get_text_config().num_hidden_layers
        self._shared: tuple[list[int], list[list[Any]]] | None = None

    def start(self, prompts: Sequence[Parts], paths: int, capacity: int) -> Tensor:
        """The logits [R, V] of the first tokens of `paths` rows per prompt; the prompts share their first part."""
        shared = self.shared_level(prompts[0][0])
        own = [ids for _, ids in prompts]
        lengths = torch.tensor([len(ids) for ids in own], device=self.model.device)
        padded = torch.zeros(len(own), max(map(len, own)), dtype=torch.long)
        for row, ids in enumerate(own):
            padded[row, : len(ids)] = torch.tensor(ids)
        offset = len(prompts[0][0])
        tree = PrefixTree(self.layers, padded.shape[1], shared)
        hidden = self.forward(
            tree, padded, offset + torch.arange(padded.shape[1]).expand_as(padded)
        )
        logits = self.head(hidden[torch.arange(len(own)), lengths - 1])
        self.questions = torch.arange(len(own), device=self.model.device).repeat_interleave(paths)
        self.positions = (offset + lengths)[self.questions]
        self.tree = PrefixTree(self.layers, capacity, tree.as_questions(lengths))
        self.tree.assign(self.questions)
        return logits[self.questions]  # type: ignore[no-any-return]

    def shared_level(self, prefix: list[int]) -> list[list[Any]]:
        """The shared prompt's keys and values per layer, kept from the last call."""
        if self._shared is None or self._shared[0] != prefix:
            levels: list[list[Any]] = [[] for _ in range(self.layers)]
            if prefix:
                tree = PrefixTree(self.layers, len(prefix), levels)
                self.forward(tree, torch.tensor([prefix]), torch.arange(len(prefix))[None])
                levels = tree.as_shared()
            self._shared = (prefix, levels)
        return self._shared[1]

    def step(self, tokens: Tensor) -> Tensor:
        """The logits [R, V] after one more token [R] of each row."""
        hidden = self.forward(self.tree, tokens[:, None], self.positions[:, None])
        self.positions = self.positions + 1
        return self.head(hidden[:, 0])  # type: ignore[no-any-return]

    def keep(self, rows: Tensor) -> None:
        """Drop all other rows."""
        rows = rows.to(self.model.device)
        self.questions, self.positions = self.questions[rows], self.positions[rows]
        self.tree.keep(rows)
        self.tree.assign(self.questions)

    def forward(self, tree: PrefixTree, ids: Tensor, positions: Tensor) -> Tensor:
        """Hidden states [R, T, width] of tokens that continue the tree."""
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
def serves(model: Any, tolerance: float) -> str | None:
    """Why the tree cannot serve a model, found by trying; None if it gives the model's own logits.

    Tried with ragged prompts and one more token, so that masks, positions, logit scales, windows and caches of
    another kind all show; a sliding window shorter than the probe is named by the model's configuration.
    """
    if getattr(model.config.get_text_config(), "sliding_window", None) and uses_window(model):
        return "it has sliding-window layers"
    vocabulary = model.config.get_text_config().vocab_size
    tokens = [(7 * i + 3) % vocabulary for i in range(12)]
    prompts = [(tokens[:4], tokens[4:7]), (tokens[:4], tokens[6:11])]
    own = model.config._attn_implementation
    try:
        decoder = TreeDecoder(model)
        found = [decoder.start(prompts, 2, 2), decoder.step(torch.tensor(tokens[1:5]))]
    except Exception as error:  # any refusal of a layer, of a keyword, of the cache
        return f"{type(error).__name__}: {error}".split("\n")[0]
    finally:
        model.set_attn_implementation(own)
    for row in range(4):
        ids = [*prompts[row // 2][0], *prompts[row // 2][1], tokens[1 + row]]
        expected = model(torch.tensor([ids], device=model.device)).logits[0, -2:].float()
        scale = tolerance * expected.abs().max()
        if any((found[t][row].float() - expected[t]).abs().max() > scale for t in (0, 1)):
            return "its logits differ from the model's own"
    return None


def uses_window(model: Any) -> bool:
    """Whether some layer really attends to a window: configurations name one that no layer uses."""
    config = model.config.get_text_config()
    kinds = getattr(config, "layer_types", None)
    if kinds is not None:
        return any("full" not in kind for kind in kinds)
    return bool(getattr(config, "use_sliding_window", True))
