import json
import shutil

import pytest
from kedro.io import DatasetError

from lmsi_kedro.datasets import model_directory
from lmsi_kedro.datasets.model_directory import Model, ModelDirectory


@pytest.fixture
def model(tmp_path):
    return make_model(tmp_path / "made", "weights")


def make_model(path, weights):
    path.mkdir()
    (path / "config.json").write_text('{"model_type": "llama"}')
    (path / "tokenizer.json").write_text("{}")
    (path / "model.safetensors").write_text(weights)
    (path / "training.json").write_text(json.dumps({"seconds": len(weights)}))
    return Model.at(path)


def test_a_saved_model_loads_with_the_same_digest(model, tmp_path):
    dataset = ModelDirectory(filepath=str(tmp_path / "models" / "tuned"))
    assert not dataset.exists()
    dataset.save(model)
    assert dataset.exists()
    assert dataset.load() == Model(tmp_path / "models" / "tuned", model.digest)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["tuned"]


def test_the_digest_is_of_content_alone(model, tmp_path):
    assert make_model(tmp_path / "same", "weights").digest == model.digest
    assert make_model(tmp_path / "other", "Weights").digest != model.digest
    (model.path / "training.json").write_text('{"seconds": 1000}')
    assert Model.at(model.path).digest == model.digest
    (model.path / "config.json").write_text("{}")
    assert Model.at(model.path).digest != model.digest


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("config.json", "config.json"),
        ("model.safetensors", r"\*.safetensors"),
        ("tokenizer.json", r"tokenizer\*"),
    ],
)
def test_a_missing_part_is_named(model, part, named):
    (model.path / part).unlink()
    with pytest.raises(DatasetError, match=rf"made is not a model: {named} missing"):
        ModelDirectory(filepath=str(model.path)).load()


def test_an_older_model_is_replaced_as_a_whole(model, tmp_path):
    older = make_model(tmp_path / "older", "older weights")
    (older.path / "extra.txt").write_text("of the older model")
    dataset = ModelDirectory(filepath=str(older.path))
    dataset.save(model)
    assert dataset.load().digest == model.digest
    assert not (older.path / "extra.txt").exists()


def test_an_interrupted_save_leaves_the_older_model(model, tmp_path, monkeypatch):
    older = make_model(tmp_path / "older", "older weights")
    dataset = ModelDirectory(filepath=str(older.path))

    def half(source, target, **_):
        shutil.copy(source / "config.json", target)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(model_directory.shutil, "copytree", half)
        with pytest.raises(KeyboardInterrupt):
            dataset.save(model)
    assert dataset.load() == older
    dataset.save(model)
    assert dataset.load().digest == model.digest


def test_a_model_that_changed_since_it_was_made_is_refused(model, tmp_path):
    (model.path / "model.safetensors").write_text("others")
    dataset = ModelDirectory(filepath=str(tmp_path / "tuned"))
    with pytest.raises(DatasetError, match="changed while it was used"):
        dataset.save(model)
    assert not dataset.exists()


def test_the_preview_tells_how_the_model_was_made(model):
    assert json.loads(ModelDirectory(filepath=str(model.path)).preview()) == {"seconds": 7}


def test_a_model_of_the_hub_is_fetched_by_its_name(model, tmp_path, monkeypatch):
    """Only what a model needs: no pickled weights, no code."""
    import huggingface_hub

    asked = {}

    def snapshot(name, allow_patterns):
        asked[name] = allow_patterns
        return str(model.path)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    hub = ModelDirectory(filepath=str(tmp_path / "nowhere"), hub_name="someone/some-model")
    assert hub.load() == model
    assert list(asked) == ["someone/some-model"]
    assert not {"*.bin", "*.py", "*"} & set(asked["someone/some-model"])


def test_a_model_that_is_nowhere_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DatasetError, match="nobody/no-model is neither a directory nor"):
        ModelDirectory(filepath="nowhere", hub_name="nobody/no-model").load()
    with pytest.raises(DatasetError, match="no-model is not a model"):
        ModelDirectory(filepath="no-model").load()
    with pytest.raises(DatasetError, match="no-model is not a model"):
        ModelDirectory(filepath="no-model", hub_name="./no-model").load()
