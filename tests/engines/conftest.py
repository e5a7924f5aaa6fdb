"""Fixtures shared by the tests of servers."""

from pathlib import Path

import pytest

from lmsi_kedro.engines.server import fleet
from lmsi_kedro.mini_world.pretraining import train_tokenizer
from tests.engines.fake_server import Length


@pytest.fixture(scope="session")
def tokenizer_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory with only a tokenizer, which is all that the client of a server needs."""
    folder = tmp_path_factory.mktemp("model")
    train_tokenizer(seed=1, sample=500).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def length(tokenizer_only: Path) -> Length:
    """Counts the tokens of a prompt."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tokenizer_only)
    return lambda prompt: len(tokenizer.encode(prompt))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shortens the pauses between retries."""
    monkeypatch.setattr(fleet, "PAUSE", 0.01)
    monkeypatch.setattr(fleet, "LONGEST_PAUSE", 0.02)
