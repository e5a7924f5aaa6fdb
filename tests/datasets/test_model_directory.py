"""Model directories are saved as a whole, identified by a digest of their content, and checked on loading."""

import json
import shutil
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError

from lmsi_kedro.datasets.model_directory import Model, ModelDirectory


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return make_model(tmp_path / "made", "weights")


def make_model(path: Path, weights: str) -> Model:
    path.mkdir()
    (path / "config.json").write_text('{"model_type": "llama"}')
    (path / "tokenizer.json").write_text("{}")
    (path / "model.safetensors").write_text(weights)
    (path / "training.json").write_text(json.dumps({"seconds": len(weights)}))
    return Model.at(path)


def test_a_saved_model_loads_with_the_same_digest(model: Model, tmp_path: Path) -> None:
    dataset = ModelDirectory(filepath=str(tmp_path / "models" / "tuned"))
    assert not dataset.exists()
    dataset.save(model)
    assert dataset.exists()
    assert dataset.load() == Model(tmp_path / "models" / "tuned", model.digest)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["tuned"]


def test_digest_depends_on_content_alone(model: Model, tmp_path: Path) -> None:
    assert make_model(tmp_path / "same", "weights").digest == model.digest
    assert make_model(tmp_path / "other", "Weights").digest != model.digest
    (model.path / "training.json").write_text('{"seconds": 1000}')
    (model.path / "README.md").write_text("the model's card")
    assert Model.at(model.path).digest == model.digest
    (model.path / "config.json").write_text("{}")
    assert Model.at(model.path).digest != model.digest


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("config.json", "config.json"),
        ("model.safetensors", "model.safetensors"),
        ("tokenizer.json", r"tokenizer\*"),
    ],
)
def test_a_missing_part_is_named(model: Model, part: str, named: str) -> None:
    (model.path / part).unlink()
    with pytest.raises(DatasetError, match=rf"made is not a model: {named} missing"):
        ModelDirectory(filepath=str(model.path)).load()


def test_an_older_model_is_replaced_as_a_whole(model: Model, tmp_path: Path) -> None:
    older = make_model(tmp_path / "older", "older weights")
    (older.path / "extra.txt").write_text("of the older model")
    dataset = ModelDirectory(filepath=str(older.path))
    dataset.save(model)
    assert dataset.load().digest == model.digest
    assert not (older.path / "extra.txt").exists()


@pytest.mark.parametrize("name", ["chat_template.jinja", "merges.txt", "code.py", "spiece.model"])
def test_digest_covers_every_file_that_affects_outputs(model: Model, name: str) -> None:
    (model.path / name).write_text("one")
    one = Model.at(model.path).digest
    (model.path / name).write_text("two")
    assert len({model.digest, one, Model.at(model.path).digest}) == 3


def test_load_completes_a_save_killed_between_renames(
    model: Model,
) -> None:
    model.path.rename(model.path.with_name(f".{model.path.name}.replaced"))
    assert ModelDirectory(filepath=str(model.path)).load() == model


def test_an_interrupted_save_leaves_the_older_model(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = make_model(tmp_path / "older", "older weights")
    dataset = ModelDirectory(filepath=str(older.path))

    def half(source: Path, target: Path, copy: Callable[..., Any] = shutil.copy) -> None:
        copy(source, target)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copy", half)
        with pytest.raises(KeyboardInterrupt):
            dataset.save(model)
    assert dataset.load() == older
    dataset.save(model)
    assert dataset.load().digest == model.digest


def test_model_changed_during_use_is_refused(model: Model, tmp_path: Path) -> None:
    (model.path / "model.safetensors").write_text("others")
    dataset = ModelDirectory(filepath=str(tmp_path / "tuned"))
    with pytest.raises(DatasetError, match="changed while it was used"):
        dataset.save(model)
    assert not dataset.exists()


def test_preview_shows_how_the_model_was_made(model: Model) -> None:
    assert json.loads(ModelDirectory(filepath=str(model.path)).preview()) == {"seconds": 7}
    assert json.loads(ModelDirectory(filepath="nowhere/model.gguf").preview()) == {}


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    """A repository like those of Mistral and Meta, with shards and the same weights in other formats."""
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    model = make_model(tmp_path / "sharded", "weights").path
    (model / "model.safetensors").rename(model / shards[0])
    (model / shards[1]).write_text("more")
    weight_map = dict(zip(("a", "b", "c"), [shards[0], *shards], strict=True))
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    (model / "LICENSE").write_text("yours")
    for other in OTHERS:
        (model / other).parent.mkdir(exist_ok=True)
        (model / other).write_text("the same weights")
    return model


OTHERS = ["consolidated.safetensors", "pytorch_model.bin", "original/params.json", "onnx/model.onnx",
          "original/consolidated.00.pth", "model.fp16.safetensors"]  # fmt: skip


def test_only_weights_in_the_index_are_read(sharded: Path, tmp_path: Path) -> None:
    """Weights that transformers does not load are neither digested nor copied."""
    digest = Model.at(sharded).digest
    saved = ModelDirectory(filepath=str(tmp_path / "saved"))
    saved.save(Model.at(sharded))
    assert saved.load().digest == digest
    assert not {path.name for path in (tmp_path / "saved").rglob("*")} & set(OTHERS)
    assert (tmp_path / "saved" / "LICENSE").exists()
    (sharded / "consolidated.safetensors").write_text("others")
    assert Model.at(sharded).digest == digest
    (sharded / "model-00002-of-00002.safetensors").write_text("others")
    assert Model.at(sharded).digest != digest
    (sharded / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(DatasetError, match=r"model-00002-of-00002\.safetensors missing"):
        Model.at(sharded)
    (sharded / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(DatasetError, match=r"index\.json is damaged"):
        Model.at(sharded)


def test_weights_outside_of_the_directory_are_refused(sharded: Path, model: Model) -> None:
    """Neither the digest nor a copy of the model would include such weights."""
    outside = {"weight_map": {"a": "../made/model.safetensors"}}
    (sharded / "model.safetensors.index.json").write_text(json.dumps(outside))
    with pytest.raises(
        DatasetError, match=r"index\.json names '\.\./made/.*not a file in its folder"
    ):
        Model.at(sharded)
    (model.path / "adapter_config.json").write_text('{"base_model_name_or_path": "elsewhere"}')
    with pytest.raises(DatasetError, match=r"adapter_config\.json.*merge the adapter"):
        Model.at(model.path)


def test_adapters_and_record_are_copied(model: Model, tmp_path: Path) -> None:
    (model.path / "adapter").mkdir()
    (model.path / "adapter" / "adapter_model.safetensors").write_text("low rank")
    ModelDirectory(filepath=str(tmp_path / "saved")).save(model)
    assert (tmp_path / "saved" / "adapter" / "adapter_model.safetensors").exists()
    assert ModelDirectory(filepath=str(tmp_path / "saved")).load().record() == {"seconds": 7}


@pytest.mark.parametrize(
    ("file", "said"),
    [("model.gguf", r"model=.*model\.gguf"), ("model.bin", "weights must be safetensors")],
)
def test_error_for_unsupported_weights_says_what_to_do(model: Model, file: str, said: str) -> None:
    (model.path / "model.safetensors").rename(model.path / file)
    with pytest.raises(DatasetError, match=rf"model\.safetensors missing; .*{said}"):
        Model.at(model.path)


def test_hub_model_is_fetched_by_name(
    sharded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shards, tokenizer and configuration of one commit are fetched, but no weights in other formats."""
    import huggingface_hub

    local = tmp_path / "snapshots" / "c0ffee"

    def snapshot_download(
        name: str,
        allow_patterns: list[str],
        ignore_patterns: Sequence[str] = (),
        revision: str = "c0ffee",
    ) -> str:
        assert (name, revision) == ("someone/some-model", "c0ffee")
        for file in sharded.rglob("*"):
            path = str(file.relative_to(sharded))
            if file.is_file() and matches(path, allow_patterns) > matches(path, ignore_patterns):
                (local / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, local / path)
        return str(local)

    def matches(path: str, patterns: Sequence[str]) -> bool:
        return any(fnmatch(path, pattern) for pattern in patterns)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    hub = ModelDirectory(filepath=str(tmp_path / "nowhere"), hub_name="hub:someone/some-model")
    assert hub.load() == Model(local, Model.at(sharded).digest)
    assert {file.name for file in local.rglob("*")} == {
        "config.json", "tokenizer.json", "training.json", "model.safetensors.index.json",
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
    }  # fmt: skip


def test_missing_model_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DatasetError, match="nobody/no-model could not be fetched from the hub"):
        ModelDirectory(filepath="nowhere", hub_name="hub:nobody/no-model").load()
    mistyped = "models/x is not a model.* does not exist.*hub:owner/name"
    with pytest.raises(DatasetError, match=mistyped):
        ModelDirectory(filepath="models/x", hub_name="models/x").load()
    with pytest.raises(DatasetError, match="no-model is not a model"):
        ModelDirectory(filepath="no-model").load()
    with pytest.raises(DatasetError, match="no-model is not a model"):
        ModelDirectory(filepath="no-model", hub_name="./no-model").load()
    with pytest.raises(DatasetError, match=r"/no-model\.gguf does not exist"):
        ModelDirectory(filepath="/no-model.gguf", hub_name="no-model.gguf").load()
