"""A C++ step gives the model's logits on every instruction set, and other rows do not change any bit of a row."""

import copy
import weakref
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from lmsi_kedro.engines.local import native_decoder
from lmsi_kedro.engines.local.native_decoder import NativeDecoder, numbers_of, weights_of
from lmsi_kedro.engines.local.packing import pack
from lmsi_kedro.engines.local.tree_decoder import TreeDecoder
from lmsi_kedro.kernels.attention import native
from tests.kernels.instruction_sets import ISAS, select

CONFIG = {
    "vocab_size": 101, "hidden_size": 72, "num_hidden_layers": 3, "num_attention_heads": 6,
    "num_key_value_heads": 2, "head_dim": 20, "intermediate_size": 96, "max_position_embeddings": 64,
    "initializer_range": 0.2, "rms_norm_eps": 1e-3, "pad_token_id": None,
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "llama": {},
    # Not a multiple of 16, so gates are activated after the product.
    "qwen3": {"intermediate_size": 90},
    "smollm3": {"no_rope_layers": [1, 0, 1], "intermediate_size": 1280},  # gates in several groups
}
PROMPTS = [[5, 9, 3, 44, 7, 8, 20], [5, 9, 3, 44, 12]]
QUESTIONS = torch.tensor([0, 0, 0, 1, 1, 1])
TOKENS = torch.tensor([[1, 2, 3, 4, 5, 6], [60, 50, 40, 30, 20, 10]])


def model(dtype: torch.dtype, kind: str = "llama") -> Any:
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **(CONFIG | KINDS[kind]))
    made = AutoModelForCausalLM.from_config(config).eval()
    for name, weight in made.named_parameters():
        if "norm" in name:
            weight.data.uniform_(0.5, 2)
    return made.to(dtype)


def logits_of(decoder: Any, kept: list[int]) -> list[torch.Tensor]:
    decoder.start(PROMPTS, len(QUESTIONS), 3)
    decoder.add(QUESTIONS)
    decoder.keep(torch.tensor(kept))
    return [decoder.step(tokens[kept]).clone() for tokens in TOKENS]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(
    ("dtype", "int8", "tolerance"),
    [(torch.float32, False, 1e-5), (torch.bfloat16, False, 0.05), (torch.float32, True, 0.05)],
)
@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_logits_equal_those_of_the_model(
    kind: str, dtype: torch.dtype, int8: bool, tolerance: float, isa: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The expected logits are computed by another decoder in float32 from the same weights.

    With int8, both decoders have the same layers; a difference in the last bit may still move an input by 1/127.
    """
    select(isa, monkeypatch)
    given = model(dtype, kind)
    exact = copy.deepcopy(given).float()
    if int8:
        pack(exact, int8)
    pack(given, int8)
    plain = TreeDecoder(exact)
    decoder, rows = NativeDecoder(given), range(len(QUESTIONS))
    found, expected = logits_of(decoder, [*rows]), logits_of(plain, [*rows])
    for one, two in zip(found, expected, strict=True):
        assert (one - two).abs().max() < tolerance * two.abs().max()
    for kept in ([4], [1, 2, 5]):
        for one, some in zip(found, logits_of(decoder, kept), strict=True):
            assert torch.equal(one[kept], some)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.05)])
@pytest.mark.parametrize(("block", "piece"), [(128, 1024), (17, 5), (3, 4), (1, 1)])
@torch.inference_mode()
def test_logits_after_split_prompts_equal_the_models(
    block: int, piece: int, dtype: torch.dtype, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logits after prompts, and after more tokens, are the same for any split and any shared prefix."""
    monkeypatch.setattr(native_decoder, "BLOCK", block)
    monkeypatch.setattr(native_decoder, "PIECE", piece)
    given = model(dtype)
    plain = TreeDecoder(copy.deepcopy(given).float())
    pack(given)
    decoder, own = NativeDecoder(given), [[7], [*range(50, 91)], [12, 40]]
    for head in ([], [5], [5, 9, 3, 44, 7]):
        for one in (decoder, plain):
            one.start([head + ids for ids in own], 3, 2)
        lengths = [[level.lengths for level in one.tree.questions] for one in (decoder, plain)]
        assert [[*map(list, of)] for of in lengths] == [[[1, 41, 2]] * 3] * 2
        for found, expected in zip(*map(after_prompts, (decoder, plain)), strict=True):
            assert (found - expected).abs().max() < tolerance * expected.abs().max()


def after_prompts(decoder: Any) -> list[torch.Tensor]:
    first = decoder.add(torch.tensor([0, 1, 2])).clone()
    return [first, *(decoder.step(torch.tensor([33, 4, 60])).clone() for _ in range(2))]


HEAD = [5, 9, 3, 44]
CHUNK = [[*HEAD, *range(10 + i, 12 + 4 * i)] for i in range(7)]
BITS = [(torch.float32, False), (torch.bfloat16, False), (torch.bfloat16, True)]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("dtype", "int8"), BITS)
@torch.inference_mode()
def test_known_prompts_are_not_computed_again(
    dtype: torch.dtype, int8: bool, isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next chunk has the bits of a new decoder, whether its prompts are known or not."""
    select(isa, monkeypatch)
    monkeypatch.setattr(native_decoder, "BLOCK", 6)
    monkeypatch.setattr(native_decoder, "PIECE", 5)
    given = model(dtype)
    pack(given, int8)
    decoder, other = NativeDecoder(given), [[*HEAD, 90], [*HEAD, 91, 92, 93]]
    for prompts, computed in [
        (CHUNK, 2),  # the shared prompt, and the questions
        (CHUNK, 0),
        ([CHUNK[4], CHUNK[0], CHUNK[6], CHUNK[0]], 0),
        ([CHUNK[5], CHUNK[1]], 0),
        ([CHUNK[2]], 2),  # its shared prompt is longer
        ([CHUNK[2], other[0]], 2),
        ([CHUNK[2], other[1]], 1),
        ([other[1], CHUNK[2]], 0),
    ]:
        found, calls = after_three_steps(decoder, prompts)
        expected, _ = after_three_steps(NativeDecoder(given), prompts)
        assert torch.equal(found, expected)
        assert calls == computed


@torch.inference_mode()
def test_padded_prompts_are_kept_for_equal_batches() -> None:
    decoder = TreeDecoder(model(torch.float32))
    twice = [CHUNK[0], CHUNK[0], CHUNK[1]]
    given = (CHUNK, CHUNK, CHUNK[:3], CHUNK[2::-1], twice, CHUNK[:2], twice, twice)
    calls = [after_three_steps(decoder, some)[1] for some in given]
    assert calls == [2, 0, 1, 1, 1, 1, 1, 1]


@torch.inference_mode()
def test_forgotten_prompts_and_paths_are_freed() -> None:
    given = model(torch.float32)
    pack(given)
    decoder = NativeDecoder(given)
    after_three_steps(decoder, CHUNK)
    tree, prefilled = weakref.ref(decoder.tree), weakref.ref(decoder.prefilled)
    decoder.forget()
    assert [tree(), prefilled(), decoder._shared] == [None] * 3
    assert decoder.levels == []
    assert decoder.logits.numel() == 0


def after_three_steps(decoder: Any, prompts: list[list[int]]) -> tuple[torch.Tensor, int]:
    """The logits of three tokens for each of the prompts, and the number of calls of `prefill`."""
    calls, prefill = [], type(decoder).prefill

    def counted(*given: Any) -> Any:
        calls.append(given)
        held = decoder.tree, decoder.prefilled, getattr(decoder, "levels", None)
        assert not any(held), "memory of the last chunk is held"
        return prefill(decoder, *given)

    decoder.prefill = counted
    decoder.start(prompts, len(prompts), 3)
    logits = [decoder.add(torch.arange(len(prompts))).clone()]
    for _ in range(2):
        logits.append(decoder.step(logits[-1].argmax(1)).clone())
    return torch.stack(logits), len(calls)


@torch.inference_mode()
def test_unsupported_layers_and_shapes_are_refused() -> None:
    given = model(torch.float32)
    with pytest.raises(TypeError, match="does not support all layers"):
        NativeDecoder(given)  # its layers are not packed
    pack(given)
    given.config.hidden_act = "gelu"
    with pytest.raises(TypeError, match="does not support all layers"):
        NativeDecoder(given)
    given.config.hidden_act = "silu"
    layers = [weights_of(layer) for layer in given.model.layers]
    with pytest.raises(ValueError, match="do not fit together"):
        native.decoder(
            layers, numbers_of(given.model.norm)[1:], given.lm_head.native, 6, 2, 20, 1e-3
        )
    decoder = NativeDecoder(given)
    logits_of(decoder, [0, 3])
    x, angles, paths = torch.zeros(2, 72), torch.zeros(2, 20), decoder.tree.rows
    right = [x, angles, angles, decoder.levels, paths, 1.0, torch.zeros(2, 101)]
    wrong = [
        (0, x[:, 1:]),
        (1, angles[:1]),
        (2, x),
        (3, decoder.levels[1:]),
        (4, paths[:1]),
        (6, x),
    ]
    for place, other in wrong:
        given_now = [*right[:place], other, *right[place + 1 :]]
        arrays = [
            native.array(part.clone()) if torch.is_tensor(part) else part for part in given_now
        ]
        with pytest.raises(ValueError, match="must be"):
            decoder.native.step(*arrays)
