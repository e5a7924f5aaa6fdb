"""A packed batch with shared prefixes gives the logits and gradients of each example computed alone."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from lmsi_kedro.tasks.encoding import Encoded
from lmsi_kedro.training.forest import LENGTH_MULTIPLE, grouped, pad, plant
from lmsi_kedro.training.logits import target_logits, unsupported_reason
from tests.training.jobs import MakeJob

SHOTS = list(range(3, 43))
SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "vocab_size": 97}
DECODERS: dict[str, dict[str, Any]] = {
    "Llama": {"num_key_value_heads": 2, "intermediate_size": 48},
    "Qwen3": {"num_key_value_heads": 2, "intermediate_size": 48, "head_dim": 16},
    "Mistral": {"num_key_value_heads": 2, "intermediate_size": 48, "sliding_window": 9},
    "Gemma2": {"num_key_value_heads": 2, "intermediate_size": 48, "head_dim": 8,
               "sliding_window": 7, "attn_logit_softcapping": 2.0, "query_pre_attn_scalar": 8},
    "Gemma3Text": {"num_key_value_heads": 1, "intermediate_size": 48, "head_dim": 8,
                   "sliding_window": 11, "query_pre_attn_scalar": 8},
    "GPTNeoX": {"intermediate_size": 48},
    "GPT2": {"n_positions": 128},
}  # fmt: skip
OTHERS: dict[str, dict[str, Any]] = {
    "Bloom": {},
    "Mamba": {"state_size": 4},
    "GptOss": {"num_key_value_heads": 2, "intermediate_size": 16, "head_dim": 8,
               "num_local_experts": 2, "num_experts_per_tok": 1},
}  # fmt: skip


def decoder(family: str, sizes: dict[str, Any], seed: int = 0) -> Any:
    torch.manual_seed(seed)
    config = getattr(transformers, f"{family}Config")(**SIZES, **sizes)
    model = AutoModelForCausalLM.from_config(config).float().eval()
    # The weights are large, so that an error in any part of a layer is visible.
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def examples(
    lengths: Sequence[tuple[int, int, int]] = (
        (40, 8, 5),
        (40, 8, 9),
        (40, 3, 1),
        (0, 12, 4),
        (0, 30, 17),
        (40, 25, 20),
    ),
) -> list[Encoded]:
    """Examples with these numbers of exemplar, question and target tokens; the first two have one question."""
    made = []
    for number, (shots, question, target) in enumerate(lengths):
        own = [50 + (5 * place) % 40 for place in range(question)]
        own += [(7 * number + 11 * place) % 90 for place in range(target)]
        made.append(Encoded([*SHOTS[:shots], *own], shots + question))
    return sorted(made, key=lambda example: example.ids)


def alone(model: Any, encoded: list[Encoded]) -> torch.Tensor:
    """The expected logits, with each example computed by itself."""
    rows = [model(torch.tensor([e.ids])).logits[0, e.prompt_tokens - 1 : -1] for e in encoded]
    return torch.cat(rows)


def gradients(model: Any, logits: torch.Tensor) -> torch.Tensor:
    model.zero_grad()
    weights = torch.linspace(-1, 1, logits.numel()).view_as(logits)
    (logits * weights).sum().backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize("family", DECODERS)
def test_packed_trees_equal_examples_computed_alone(family: str) -> None:
    model, encoded = decoder(family, DECODERS[family]), examples()
    expected = alone(model, encoded)
    gradient = gradients(model, expected)
    assert unsupported_reason(model, model, encoded) is None
    batch = plant(encoded)
    assert [tree.prefix for tree in batch["forest"]].count(0) < len(batch["forest"])
    logits = target_logits(model, model, batch)
    assert (logits - expected).abs().max() < 1e-5 * expected.abs().max()
    assert (gradients(model, logits) - gradient).norm() < 1e-5 * gradient.norm()
    assert not model.get_output_embeddings()._forward_pre_hooks


@pytest.mark.parametrize("family", OTHERS)
def test_models_unsupported_by_trees_get_padded_rows(family: str) -> None:
    model, encoded = decoder(family, OTHERS[family]), examples()
    expected = alone(model, encoded)
    own = model.config._attn_implementation
    assert unsupported_reason(model, model, encoded)
    assert model.config._attn_implementation == own
    logits = target_logits(model, model, pad(encoded))
    assert (logits - expected).abs().max() < 1e-5 * expected.abs().max()


def test_no_token_sees_another_example(base_model: Path) -> None:
    """Changing tokens in one leaf does not change any bit of the logits of the other examples."""
    model = AutoModelForCausalLM.from_pretrained(base_model)
    encoded = examples()
    assert unsupported_reason(model, model, encoded) is None
    longest = max(range(len(encoded)), key=lambda n: len(encoded[n].ids))
    others = [
        n != longest for n, example in enumerate(encoded) for _ in range(example.target_tokens)
    ]
    before = target_logits(model, model, plant(encoded))
    encoded[longest].ids[-3:] = [91, 92, 93]
    after = target_logits(model, model, plant(encoded))
    assert torch.equal(before[others], after[others])
    assert not torch.equal(before, after)


def test_bfloat16_trees_are_as_exact_as_padded_rows(base_model: Path) -> None:
    encoded = examples()
    exact = alone(AutoModelForCausalLM.from_pretrained(base_model), encoded)
    model = AutoModelForCausalLM.from_pretrained(base_model, dtype=torch.bfloat16)
    rows = (target_logits(model, model, pad(encoded)) - exact).abs().max()
    assert unsupported_reason(model, model, encoded) is None
    assert (target_logits(model, model, plant(encoded)) - exact).abs().max() < 2 * rows


ids = st.lists(st.integers(0, 2), min_size=2, max_size=60)


@settings(max_examples=200)
@given(made=st.lists(st.tuples(ids, st.integers(1, 59)), min_size=1, max_size=8))
def test_every_example_is_a_path_of_its_tree(made: list[tuple[list[int], int]]) -> None:
    """The tokens on the way through a tree to a leaf are those of the example."""
    encoded = sorted(
        (Encoded(tokens, min(prompt, len(tokens) - 1)) for tokens, prompt in made),
        key=lambda example: example.ids,
    )
    batch = plant(encoded)
    row, places = batch["input_ids"][0].tolist(), batch["position_ids"][0].tolist()
    written = []
    for tree in batch["forest"]:
        above = list(range(tree.start, tree.start + tree.prefix))
        for leaf, real in zip(tree.leaves, tree.real, strict=True):
            path = above + leaf[real].tolist()
            assert [places[place] for place in path] == list(range(len(path)))
            written.append(path)
    assert [[row[place] for place in path] for path in written] == [e.ids for e in encoded]
    predicting = [
        path[place]
        for path, example in zip(written, encoded, strict=True)
        for place in range(example.prompt_tokens - 1, len(example.ids) - 1)
    ]
    assert batch["positions"].tolist() == predicting
    assert batch["targets"].tolist() == [t for e in encoded for t in e.ids[e.prompt_tokens :]]
    assert len(row) % LENGTH_MULTIPLE == 0


def test_padded_rows_predict_target_and_end() -> None:
    batch = pad([Encoded([5, 6, 7, 8], 3), Encoded([1, 2, 3, 4, 9, 0], 4)])
    width = LENGTH_MULTIPLE
    assert batch["input_ids"][:, :6].tolist() == [[5, 6, 7, 8, 0, 0], [1, 2, 3, 4, 9, 0]]
    assert batch["positions"].tolist() == [2, width + 3, width + 4]
    assert batch["targets"].tolist() == [8, 9, 0]


def test_unsupported_model_is_logged_once(
    make_job: MakeJob, caplog: pytest.LogCaptureFixture
) -> None:
    """A trainer uses padded rows for an unsupported model and logs the reason."""
    from lmsi_kedro.training.target_trainer import TargetTrainer

    trainer = TargetTrainer.__new__(TargetTrainer)
    trainer.model = trainer.model_wrapped = decoder("Bloom", {})
    trainer.plan = type("Plan", (), {"encoded": examples()})()
    with caplog.at_level(logging.WARNING):
        assert trainer.lay_out is trainer.lay_out is pad
    assert [r.message[:31] for r in caplog.records].count("Training without packed batches") == 1


def test_trees_group_common_prefixes_or_similar_lengths() -> None:
    def of(*groups: list[int]) -> list[int]:
        found = grouped([Encoded(ids, 1) for ids in groups])
        return [len(group) for group in found]

    def alike(start: int, end: int, length: int = 30) -> list[int]:
        return [start] * 20 + [end] * (length - 20)

    loose = [[9, n] * 10 for n in range(3)]
    assert of(loose[0]) == [1]
    assert of(*loose) == [3]
    assert of(loose[0], alike(1, 2), alike(1, 3), loose[1], loose[2]) == [1, 2, 2]
    assert of(alike(1, 2), alike(1, 3), alike(2, 2), alike(2, 3)) == [2, 2]
    assert of([5] * 20, [6] * 40, [7] * 41, [8] * 19) == [2, 1, 1]
