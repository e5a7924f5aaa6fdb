"""A model is loaded with all of its weights, and with no others."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lmsi_kedro.model_files import load_model

BASE = Path(__file__).parents[1] / "data" / "06_models" / "base"
LACKING = "model.layers.1.mlp.up_proj.weight"


def test_missing_weights_are_named(tmp_path: Path) -> None:
    model = Path(shutil.copytree(BASE, tmp_path / "model"))
    weights = load_file(model / "model.safetensors")
    del weights[LACKING]
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=f"model lacks 1 weight of its architecture, {LACKING}"):
        load_model(model, torch.float32, trust_remote_code=False)


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    model = Path(shutil.copytree(BASE, tmp_path / "model"))
    torch.save(load_file(model / "model.safetensors"), model / "pytorch_model.bin")
    (model / "model.safetensors").unlink()
    with pytest.raises(OSError, match="safetensors"):
        load_model(model, torch.float32, trust_remote_code=False)
