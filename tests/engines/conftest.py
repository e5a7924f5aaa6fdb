"""What the tests of servers share."""

from pathlib import Path

import pytest

from lmsi_kedro.engines.server import fleet
from lmsi_kedro.mini_world.pretraining import train_tokenizer
from tests.engines.fake_server import Length


@pytest.fixture(scope="session")
def tokenizer_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer is all that is needed of a model that others serve."""
    folder = tmp_path_factory.mktemp("model")
    train_tokenizer(seed=1, sample=500).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def length(tokenizer_only: Path) -> Length:
    """Of a prompt, in tokens."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tokenizer_only)
    return lambda prompt: len(tokenizer.encode(prompt))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses between the tries."""
    monkeypatch.setattr(fleet, "PAUSE", 0.01)
    monkeypatch.setattr(fleet, "LONGEST_PAUSE", 0.02)
