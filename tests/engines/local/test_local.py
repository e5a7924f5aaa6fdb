"""The prefix tree gives the model's own logits, and a path does not depend on the other rows of the batch."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from transformers import AutoModelForCausalLM

from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine
from lmsi_kedro.engines.local.native_decoder import NativeDecoder
from lmsi_kedro.engines.local.tree_decoder import TreeDecoder
from lmsi_kedro.params import Sampling
from tests.models import tiny_model

SHARED = "Q: Ana has 3 pens.\nA: The answer is 3.\n\n"
OWN = ["Q: Ben has 4 caps.\nA:", "Q: Cleo packs 3 boxes of 21 pens and 7 more.\nA:", "Q: 5\nA:"]
SAMPLING = Sampling(temperature=1.0, max_new_tokens=20, seed=3)


@pytest.fixture(scope="module", params=[4, 2], ids=["multi-head", "grouped-query"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    directory: Path = tiny_model(tmp_path_factory.mktemp("model"), kv_heads=request.param)
    return LocalEngine(directory, torch.float32)


def requests(shared: str, paths: range = range(4)) -> list[Request]:
    return [Request(f"q{i}", shared + own, paths) for i, own in enumerate(OWN)]


@pytest.mark.parametrize("shared", [SHARED, ""], ids=["few-shot", "zero-shot"])
def test_logits_equal_a_full_forward(engine: LocalEngine, shared: str) -> None:
    """The logits are compared at the first token and after every step; some rows are dropped in between."""
    prompts = engine.encoder.prompts([shared + own for own in OWN])
    decoder = engine.decoder
    assert isinstance(decoder, TreeDecoder)
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        decoder.start(prompts, 12, 6)
        logits = decoder.add(torch.arange(12) // 4)
        rows = [prompt for prompt in prompts for _ in range(4)]
        for step in range(6):
            engine.model.set_attn_implementation("sdpa")
            for row, ids in enumerate(rows):
                expected = engine.model(torch.tensor([ids])).logits[0, -1]
                torch.testing.assert_close(logits[row], expected, rtol=1e-5, atol=2e-5)
            engine.model.set_attn_implementation("lmsi_tree")
            if step == 3:
                kept = torch.tensor([0, 2, 3, 7, 8, 9])
                rows = [rows[i] for i in kept]
                decoder.keep(kept)
            tokens = torch.randint(1, 300, (len(rows),), generator=generator)
            rows = [[*ids, int(t)] for ids, t in zip(rows, tokens, strict=True)]
            if step < 5:
                logits = decoder.step(tokens)


def test_common_prefix_is_computed_only_once(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prefix consists of the exemplars and the first words of the questions; it is found by token ids."""
    computed, decoder = list[list[int]](), type(engine.decoder)
    prefill = decoder.prefill

    def seen(self: Any, prompts: Any, shared: Any) -> Any:
        computed.append([len(ids) for ids in prompts])
        return prefill(self, prompts, shared)

    monkeypatch.setattr(decoder, "prefill", seen)
    engine.decoder.forget()
    whole = [len(ids) for ids in engine.encoder.prompts([SHARED + own for own in OWN])]
    shared = len(engine.encoder.prompts([SHARED + "Q:"])[0])
    engine.sample(requests(SHARED, range(2)), SAMPLING)
    engine.sample(requests(SHARED, range(2, 4)), SAMPLING)  # with the prompts of the last chunk
    engine.decoder.prefilled = None
    engine.sample(requests(SHARED, range(2)), SAMPLING)  # with the shared prompt of the last chunk
    own = [length - shared for length in whole]
    assert computed == [[shared], own, own]


def test_paths_do_not_depend_on_the_batch(engine: LocalEngine) -> None:
    """A path has the same text alone, with other questions, and with another range of paths."""
    together = engine.sample(requests(SHARED), SAMPLING)
    first = engine.sample(requests(SHARED)[1:2], SAMPLING)
    later = engine.sample(requests(SHARED, range(2, 4)), SAMPLING)
    assert together.filter(question_id="q1")["text"].to_list() == first["text"].to_list()
    assert together.filter(pl.col("path") >= 2)["text"].to_list() == later["text"].to_list()
    assert together.height == 12
    assert together["text"].n_unique() > 6


def test_greedy_paths_equal_those_of_generate(engine: LocalEngine) -> None:
    """Temperature 0 gives the text and the log-probability of transformers' own greedy search."""
    greedy = SAMPLING.model_copy(update={"temperature": 0.0})
    table = engine.sample(requests(SHARED, range(1)), greedy)
    engine.model.set_attn_implementation("sdpa")
    tokenizer = engine.encoder.tokenizer
    for own, text, total in zip(OWN, table["text"], table["logprob"], strict=True):
        prompt = torch.tensor([tokenizer.encode(SHARED + own)])
        written = engine.model.generate(prompt, max_new_tokens=20, do_sample=False)
        new = written[0, prompt.shape[1] :]
        assert tokenizer.decode(new, skip_special_tokens=True).split("\nQ:")[0].strip() == text
        logits = engine.model(written).logits.detach()[0, prompt.shape[1] - 1 : -1]
        chosen = logits.log_softmax(-1)[torch.arange(len(new)), new].sum()
        assert total == pytest.approx(chosen.item(), rel=1e-4)
    engine.model.set_attn_implementation("lmsi_tree")


def test_reference_samples_the_same_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LMSI_KERNELS affects the decoder, its layers and the sampler."""
    model = tiny_model(tmp_path)
    native = LocalEngine(model, torch.float32)
    expected = native.sample(requests(SHARED), SAMPLING)
    monkeypatch.setenv("LMSI_KERNELS", "reference")
    reference = LocalEngine(model, torch.float32)
    assert type(native.decoder) is NativeDecoder
    assert type(reference.decoder) is TreeDecoder
    assert type(reference.model.get_output_embeddings()) is torch.nn.Linear
    found = reference.sample(requests(SHARED), SAMPLING)
    assert found.drop("logprob").equals(expected.drop("logprob"))
    assert found["logprob"].to_numpy() == pytest.approx(expected["logprob"].to_numpy(), abs=1e-4)


def test_ids_without_a_token_are_never_sampled(tmp_path: Path) -> None:
    """Some vocabularies, such as Qwen's, are padded with untrained rows; here these have the largest logits."""
    directory = tiny_model(tmp_path / "model")
    usual = LocalEngine(directory, torch.float32)
    model: Any = AutoModelForCausalLM.from_pretrained(directory)
    padded = usual.vocabulary + 64
    model.resize_token_embeddings(padded, mean_resizing=False)
    with torch.no_grad():
        model.lm_head.weight[usual.vocabulary :] *= 100
    model.save_pretrained(directory)
    engine = LocalEngine(directory, torch.float32)
    assert engine.model.config.vocab_size == padded
    drawn, expected = (each.sample(requests(SHARED), SAMPLING) for each in (engine, usual))
    assert drawn["text"].to_list() == expected["text"].to_list()
    assert drawn["logprob"].to_list() == pytest.approx(expected["logprob"].to_list(), abs=1e-3)
