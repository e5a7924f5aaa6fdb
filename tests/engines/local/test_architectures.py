"""Models are sampled with the prefix tree if it gives their own logits, and otherwise without it."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine
from lmsi_kedro.engines.local.native_decoder import NativeDecoder
from lmsi_kedro.engines.local.plain_decoder import PlainDecoder
from lmsi_kedro.engines.local.tree_decoder import TreeDecoder, unsupported_reason
from lmsi_kedro.kernels.attention import ROUNDING
from lmsi_kedro.mini_world.pretraining import train_tokenizer
from lmsi_kedro.params import Sampling

SHIPPED = Path(__file__).parents[3] / "data" / "06_models" / "base_small"
SMALL = {
    "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
    "intermediate_size": 96, "max_position_embeddings": 512, "initializer_range": 0.2,
    "bos_token_id": None, "eos_token_id": 0, "pad_token_id": 0,
}  # fmt: skip
# Model type, further fields of its configuration, and the decoder that is used for it.
MODELS: list[tuple[str, dict[str, Any], type]] = [
    ("llama", {}, NativeDecoder),
    ("llama", {"attention_bias": True, "mlp_bias": True}, NativeDecoder),
    ("llama", {"hidden_act": "gelu"}, TreeDecoder),
    ("qwen2", {}, NativeDecoder),
    ("qwen3", {}, NativeDecoder),
    ("smollm3", {"no_rope_layers": [1, 0]}, NativeDecoder),
    ("gemma", {}, TreeDecoder),
    ("mistral", {"sliding_window": None}, NativeDecoder),
    ("gpt_neox", {}, TreeDecoder),
    ("phi", {}, TreeDecoder),
    ("phi3", {}, TreeDecoder),
    ("olmo2", {}, TreeDecoder),
    ("mistral", {"sliding_window": 8}, PlainDecoder),
    ("gemma2", {"sliding_window": 8, "query_pre_attn_scalar": 16}, PlainDecoder),
    ("gemma3_text", {"sliding_window": 8, "query_pre_attn_scalar": 16}, PlainDecoder),
]
OWN = ["Q: Ben has 4 caps.\nA:", "Q: Cleo packs 3 boxes of 21 pens and 7 more.\nA:", "Q: 5\nA:"]
REQUESTS = [Request(f"q{i}", "Q: 3?\nA: 3.\n\n" + own, range(3)) for i, own in enumerate(OWN)]
SAMPLING = Sampling(temperature=1.0, max_new_tokens=20, seed=3)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer(seed=1, sample=500)


def engine(kind: str, more: dict[str, Any], tokenizer: Any, folder: Path) -> LocalEngine:
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, vocab_size=len(tokenizer), **SMALL, **more)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return LocalEngine(folder, torch.float32)


@pytest.mark.parametrize(
    ("kind", "more", "decoder"), MODELS, ids=[f"{kind}-{d.__name__}" for kind, _, d in MODELS]
)
def test_logits_equal_those_of_the_model(
    kind: str, more: dict[str, Any], decoder: type[Any], tokenizer: Any, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """The logits are compared at every token of every path; the prompts have different lengths."""
    with caplog.at_level(logging.INFO):
        made = engine(kind, more, tokenizer, tmp_path)
    assert type(made.decoder) is decoder
    assert ("module by module" in caplog.text) is (decoder is TreeDecoder)
    assert ("No prefix tree for this model" in caplog.text) is (decoder is PlainDecoder)
    prompts = made.encoder.prompts([request.prompt for request in REQUESTS])
    rows = [prompt for prompt in prompts for _ in range(3)]
    plain = AutoModelForCausalLM.from_pretrained(tmp_path, attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(1)
    with torch.inference_mode():
        made.decoder.start(prompts, 9, 13)
        logits = made.decoder.add(torch.arange(9) // 3)
        for step in range(12):
            for row, ids in enumerate(rows):
                expected = plain(torch.tensor([ids])).logits[0, -1]
                error = (logits[row] - expected).abs().max() / expected.abs().max()
                assert error < 1e-5, (step, row)
            if step == 6:
                kept = torch.tensor([0, 2, 4, 8])
                made.decoder.keep(kept)
                rows = [rows[i] for i in kept]
            tokens = torch.randint(1, 300, (len(rows),), generator=generator)
            rows = [[*ids, int(token)] for ids, token in zip(rows, tokens, strict=True)]
            logits = made.decoder.step(tokens)


@pytest.mark.parametrize("shift", [0, 1])
def test_trial_allows_rounding_but_not_wrong_positions(
    shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rounding to bfloat16 changes logits by .056 of the largest one, wrong positions change them by .73."""
    model = AutoModelForCausalLM.from_pretrained(SHIPPED, dtype=torch.bfloat16).eval()
    for layer in model.model.layers:
        layer.self_attn.q_proj.weight.data *= 3
    own = TreeDecoder.forward

    def shifted(self: TreeDecoder, tree: Any, ids: Any, positions: Any) -> Any:
        return own(self, tree, ids, positions + (ids.shape[1] == 1) * shift)

    monkeypatch.setattr(TreeDecoder, "forward", shifted)
    reason = unsupported_reason(TreeDecoder, model, ROUNDING[torch.bfloat16])
    assert (reason is None) is not bool(shift)


def test_tree_and_plain_decoding_sample_same_paths(tokenizer: Any, tmp_path: Path) -> None:
    made = engine("llama", {}, tokenizer, tmp_path)
    shared = made.sample(REQUESTS, SAMPLING)
    made.model.set_attn_implementation("sdpa")
    made.decoder = PlainDecoder(made.model)
    assert made.sample(REQUESTS, SAMPLING)["text"].to_list() == shared["text"].to_list()
    assert shared["text"].n_unique() > 4


def test_out_of_memory_halves_the_batch(
    tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chunk is finished in smaller parts, with the same paths."""
    made = engine("llama", {}, tokenizer, tmp_path)
    whole, decode, sizes = made.sample(REQUESTS, SAMPLING), made.decode, []

    def small_machine(requests: Any, *rest: Any) -> Any:
        sizes.append(len(requests))
        if len(requests) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return decode(requests, *rest)

    monkeypatch.setattr(made, "decode", small_machine)
    assert made.sample(REQUESTS, SAMPLING).drop("logprob").equals(whole.drop("logprob"))
    assert sizes == [3, 2, 1, 1, 1]  # the batch is not enlarged again
