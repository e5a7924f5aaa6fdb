"""`lmsi export`: the content of the folders, and GGUF files that give the same answers as the model."""

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lmsi_kedro.commands import main
from lmsi_kedro.commands.export import folders, gguf, hub
from lmsi_kedro.commands.export.gguf import check
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.gguf.writer import write_gguf
from tests.models import tiny_model

ROOT = Path(__file__).parents[2]
TEXTS = ["Q: Ben has 4 caps.\n\nA: He can't have 1,250."]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tiny_model(tmp_path_factory.mktemp("models") / "tiny", kv_heads=2)
    (path / "README.md").write_text("its card")
    (path / "LICENSE").write_text("its license")
    return path


def test_export_verifies_gguf_and_lists_a_dry_run(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a token, the command makes the files but sends nothing."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(hub, "get_token", lambda: None)
    to, given = tmp_path / "made", f"--params=data_root={tmp_path / 'none'}"
    command = ["export", "gguf", str(to), "--model", str(model), "--push", "me/mine", given]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "made-f16.gguf: 4 of 4 greedy answers equal those of the safetensors" in said
    assert "so send it token ids" in said  # llama.cpp has no pre-tokenizer for the mini world
    assert "Dry run, as there is no token" in said
    assert "https://huggingface.co/me/mine" in said
    assert "made-f16.gguf  " in said
    assert sorted(path.name for path in to.iterdir()) == ["README.md", "made-f16.gguf"]
    assert main(command) == 1
    assert capsys.readouterr().err == f"lmsi: {to} exists: name a new folder\n"


def test_gguf_with_different_weights_is_rejected(model: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    other = tiny_model(tmp_path / "other", kv_heads=2, seed=1)
    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    file = tmp_path / "other.gguf"
    write_gguf(file, AutoModelForCausalLM.from_pretrained(other), tokenizer, "gpt-2")
    with pytest.raises(ValueError, match="gives other answers than the safetensors"):
        check(file, AutoModelForCausalLM.from_pretrained(model), [tokenizer.encode(TEXTS[0])])
    assert [path.name for path in tmp_path.iterdir() if path != other] == ["other.gguf"]


def test_copied_model_keeps_digest_and_all_files(model: Path, tmp_path: Path) -> None:
    folders.copy_model(Model.at(model), tmp_path)
    assert Model.at(tmp_path).digest == Model.at(model).digest
    assert {path.name for path in model.iterdir()} == {path.name for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="has no LoRA adapter, since all weights were trained"):
        folders.copy_adapter(Model.at(model), tmp_path)


def test_adapter_is_exported_to_the_top_level(model: Path, tmp_path: Path) -> None:
    trained = shutil.copytree(model, tmp_path / "trained")
    (trained / "adapter").mkdir()
    config = {"r": 8, "base_model_name_or_path": "/home/me/base"}
    (trained / "adapter" / "adapter_config.json").write_text(json.dumps(config))
    (trained / "README.md").write_text("---\nbase_model: Qwen/Qwen2.5-0.5B\n---\n")
    (tmp_path / "made").mkdir()
    folders.copy_adapter(Model.at(trained), tmp_path / "made")
    names = {path.name for path in (tmp_path / "made").iterdir()}
    assert names == {"adapter_config.json", "README.md", "LICENSE"}
    made = json.loads((tmp_path / "made" / "adapter_config.json").read_text())
    assert made == config | {"base_model_name_or_path": "Qwen/Qwen2.5-0.5B"}


class Stored(dict[str, Any]):
    """A catalog in memory."""

    def load(self, name: str) -> Any:
        return self[name]

    def exists(self, name: str) -> bool:
        return name in self


def test_exported_data_loads_with_hf_datasets(tmp_path: Path) -> None:
    from datasets import load_dataset

    votes = pl.DataFrame({"question_id": ["b", "a"], "key": ["num:1", None]})
    questions = {"question_id": ["a", "b"], "question": ["A?", "B?"], "split": ["x", "x"]}
    catalog = Stored(
        {
            "metrics": {"rounds": [{}, {}]},
            "questions": pl.DataFrame(questions),
            "round_1.votes": votes,
            "round_2.votes": votes[:1],
            "examples_2": pl.DataFrame({"prompt": ["p"], "target": ["t"]}),
        }
    )
    assert folders.export_data(tmp_path, catalog) == "1 examples and 3 votes"
    cache = str(tmp_path / "cache")
    loaded = load_dataset(str(tmp_path), "votes", split="train", cache_dir=cache)
    assert loaded["question"] == ["B?", "A?", "B?"]
    assert loaded["round"] == [1, 1, 2]
    examples = load_dataset(str(tmp_path), split="train", cache_dir=cache)
    assert examples.to_list() == [{"prompt": "p", "target": "t"}]


def test_missing_run_error_asks_for_a_folder() -> None:
    with pytest.raises(ValueError, match="no finished run here: name its folder"):
        folders.last_model(Stored())


@pytest.mark.parametrize("refused", [False, True])
def test_folder_is_pushed_with_a_token(
    refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    class Api:
        def create_repo(self, name: str, **given: Any) -> None:
            asked.append((name, given["repo_type"], given["private"]))
            if refused:
                raise OSError("401 Unauthorized\nfor url")

        def upload_folder(self, **given: Any) -> None:
            asked.append((given["repo_id"], given["folder_path"], given["repo_type"]))

    monkeypatch.setattr(hub, "get_token", lambda: "hf_...")
    monkeypatch.setattr(hub, "HfApi", Api)
    if refused:
        with pytest.raises(
            ValueError, match=r"me/data was not pushed, .* is kept: 401 Unauthorized$"
        ):
            hub.push(tmp_path, "me/data", True, True)
        return
    assert hub.push(tmp_path, "me/data", True, True) == (
        "pushed to https://huggingface.co/datasets/me/data"
    )
    assert asked == [("me/data", "dataset", True), ("me/data", tmp_path, "dataset")]


@pytest.mark.slow  # a minute of greedy answers
def test_real_model_is_exported_as_gguf(
    real_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dequantised SmolLM2 becomes a float16 GGUF file whose tokenizer gives the same tokens."""
    from lmsi_kedro.commands.project import configured, model_named

    monkeypatch.chdir(ROOT)
    with configured("base", f"data_root={tmp_path / 'none'}") as (catalog, params):
        model = model_named(str(real_model), catalog)
        said = gguf.export_gguf(model, tmp_path, "smollm2", catalog, params)
    assert said == "smollm2-f16.gguf: 4 of 4 greedy answers equal those of the safetensors"
