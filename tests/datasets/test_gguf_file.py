"""A GGUF file becomes a model directory with the same logits, tokens, end tokens and chat template."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from gguf import GGUFReader, LlamaFileType, RopeScalingType
from kedro.io import DatasetError
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from lmsi_kedro.datasets import gguf_file
from lmsi_kedro.datasets.model_directory import ModelDirectory
from lmsi_kedro.model_files import number_format
from tests.datasets.gguf_writer import write_gguf
from tests.tokenizers.families import FAMILIES

TEXT = "Q: Ben has 4 caps.\n\nA: He can't have 1,250."
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500000.0, "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which dequantised models are kept."""
    import huggingface_hub

    def cached_assets_path(library: str, namespace: str, subfolder: str) -> Path:
        folder = tmp_path / "cache" / library / namespace / subfolder
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    monkeypatch.setattr(huggingface_hub, "cached_assets_path", cached_assets_path)
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return FAMILIES["smollm2"].build()


def llama(tokenizer: Any, **more: Any) -> Any:
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, initializer_range=0.2, eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None, **more,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def load(file: Path) -> Path:
    return ModelDirectory(filepath=str(file)).load().path


def logits(model: Any, tokenizer: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(tokenizer(TEXT, return_tensors="pt").input_ids).logits
    return found


@pytest.mark.parametrize(("kind", "named"), [("F32", "ALL_F32"), ("F16", "MOSTLY_F16")])
def test_file_names_its_type(tmp_path: Path, tokenizer: Any, kind: str, named: str) -> None:
    """OpenVINO GenAI does not read a file without this field."""
    write_gguf(tmp_path / "tiny.gguf", llama(tokenizer), tokenizer, kind)
    fields = GGUFReader(tmp_path / "tiny.gguf").fields
    assert LlamaFileType(fields["general.file_type"].contents()).name == named


@pytest.mark.parametrize(
    ("kind", "stored", "tolerance", "tied"),
    [
        ("F32", "float32", 1e-6, True),
        ("F16", "float16", 1e-2, False),
        ("BF16", "bfloat16", 0.1, True),
        ("Q8_0", "float16", 0.15, False),
    ],
)
def test_gguf_file_loads_as_a_model(
    tmp_path: Path, tokenizer: Any, kind: str, stored: str, tolerance: float, tied: bool
) -> None:
    model = llama(tokenizer, tie_word_embeddings=tied)
    write_gguf(tmp_path / "tiny.gguf", model, tokenizer, kind)
    path = load(tmp_path / "tiny.gguf")
    assert number_format(path) == stored
    read, own = AutoModelForCausalLM.from_pretrained(path), AutoTokenizer.from_pretrained(path)
    assert str(read.dtype) == f"torch.{stored}"
    assert read.generation_config.eos_token_id == tokenizer.eos_token_id == own.eos_token_id
    assert own.chat_template == tokenizer.chat_template
    assert own(TEXT).input_ids == tokenizer(TEXT).input_ids
    expected = logits(model, tokenizer)
    difference = (logits(read.float(), tokenizer) - expected).abs().max()
    assert difference <= tolerance * expected.abs().max()


def test_file_is_dequantised_once_until_it_changes(
    tmp_path: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, model = tmp_path / "tiny.gguf", llama(tokenizer)
    write_gguf(file, model, tokenizer)
    path = load(file)
    with monkeypatch.context() as patch:
        patch.setattr(gguf_file, "converted", lambda file: pytest.fail("converted again"))
        assert load(file) == path
        file.rename(tmp_path / "renamed.gguf")
        assert load(tmp_path / "renamed.gguf") == path
    write_gguf(file, model, tokenizer, "F16")
    assert load(file) != path


def test_end_of_turn_and_rope_scaling_are_converted(
    tmp_path: Path, tokenizer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """llama.cpp stores both in places where transformers does not look for them."""
    model = llama(tokenizer, rope_parameters=LLAMA3, head_dim=64, max_position_embeddings=131072)
    write_gguf(tmp_path / "tiny.gguf", model, tokenizer, eot_token_id=7)
    path = load(tmp_path / "tiny.gguf")
    read = AutoModelForCausalLM.from_pretrained(path)
    assert read.generation_config.eos_token_id == [tokenizer.eos_token_id, 7]
    torch.testing.assert_close(logits(read, tokenizer), logits(model, tokenizer))
    assert read.config.rope_parameters == LLAMA3
    assert "RoPE" not in caplog.text
    write_gguf(
        tmp_path / "yarn.gguf", llama(tokenizer), tokenizer, rope_scaling_type=RopeScalingType.YARN
    )
    load(tmp_path / "yarn.gguf")
    assert "yarn.gguf: its RoPE scaling (yarn) is ignored" in caplog.text


def test_damaged_file_is_named(tmp_path: Path, tokenizer: Any, cache: Path) -> None:
    file = tmp_path / "tiny.gguf"
    broken = llama(tokenizer)
    with torch.no_grad():
        broken.model.norm.weight[3] = float("nan")
    write_gguf(file, broken, tokenizer)
    with pytest.raises(DatasetError, match=r"tiny\.gguf is damaged.*norm\.weight is NaN"):
        load(file)
    write_gguf(file, llama(tokenizer), tokenizer)
    whole = file.read_bytes()
    for content in (whole[:-5000], whole[:1000], b"hello", b""):
        file.write_bytes(content)
        with pytest.raises(DatasetError, match=r"tiny\.gguf is damaged, or not a .*: \S") as raised:
            load(file)
        assert "\n" not in str(raised.value)
    assert not list(cache.rglob("*.safetensors"))


def test_one_of_several_parts_is_refused(tmp_path: Path, tokenizer: Any) -> None:
    write_gguf(tmp_path / "part.gguf", llama(tokenizer), tokenizer, parts=3)
    with pytest.raises(
        DatasetError, match=r"part\.gguf is one of 3 parts: merge them with llama-gguf-split"
    ):
        load(tmp_path / "part.gguf")


def test_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF")
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(DatasetError, match=r"tiny\.gguf cannot be read.*'lmsi-kedro\[gguf\]'"):
        load(tmp_path / "tiny.gguf")


@pytest.mark.slow
def test_real_gguf_file_answers_a_question(real_model: Path) -> None:
    path = load(real_model)
    assert number_format(path) == "float16"
    tokenizer, model = (
        AutoTokenizer.from_pretrained(path),
        AutoModelForCausalLM.from_pretrained(path).float(),
    )
    assert (tokenizer.eos_token, model.generation_config.eos_token_id) == ("<|im_end|>", 2)
    given = AutoTokenizer.from_pretrained(real_model.parent, gguf_file=real_model.name)
    assert tokenizer(TEXT).input_ids == given(TEXT).input_ids
    asked = [{"role": "user", "content": "What is the capital of France?"}]
    ids = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=False)
    written = model.generate(torch.tensor([ids]), max_new_tokens=24, do_sample=False)[0, len(ids) :]
    assert "Paris" in tokenizer.decode(written)
    assert written[-1] == tokenizer.eos_token_id
