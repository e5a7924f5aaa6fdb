"""Four launched servers: one ends, one is slow, and one reports wrong token counts."""

from pathlib import Path

import pytest

from lmsi_kedro.engines.server.faults import ServerError
from tests.engines.launching import alive, logs, plan
from tests.engines.served import PROMPTS

PARTS = {
    "dies": "--lives 1 --requests 16",
    "slow": "--seconds-each 0.2",
    "lies": "--extra-tokens 3",
}


def prepare(folder: Path, *parts: str) -> str:
    """Return the options of four servers, some of which take these parts; the others work normally."""
    folder.mkdir()
    for part in parts:
        (folder / f"{part}.flags").write_text(PARTS[part])
    return f"--parts {folder}"


def run(folder: Path, tokenizer: Path, options: str, stored: set[str]) -> dict[str, int]:
    """Count the paths of each chunk that was not in `stored`, and add its name to `stored`."""
    made = plan(tokenizer, folder, options, workers=4, m=256)
    heights = {}
    try:
        for name, table in made.compute([name for name in made.chunks if name not in stored]):
            stored.add(name)
            heights[name] = table.height
    finally:
        made.close()
    return heights


def test_lost_and_slow_servers_lose_no_paths(
    tokenizer_only: Path, tmp_path: Path, hurried: None, caplog: pytest.LogCaptureFixture
) -> None:
    found = run(tmp_path, tokenizer_only, prepare(tmp_path / "parts", "dies", "slow"), set())
    assert sum(found.values()) == 256 * len(PROMPTS)
    assert "ended and is started again: CUDA out of memory" in caplog.text
    assert len(logs(tmp_path)) == 4
    assert not alive(tmp_path)


def test_lying_server_is_named_and_stored_chunks_stay(
    tokenizer_only: Path, tmp_path: Path, hurried: None
) -> None:
    options, stored = prepare(tmp_path / "parts", *PARTS), set[str]()
    with pytest.raises(
        ServerError, match=r"sees \d+ tokens in the prompt of question q\d, training \d+"
    ):
        run(tmp_path, tokenizer_only, options, stored)
    assert not alive(tmp_path)
    before = len(stored)
    again = run(tmp_path, tokenizer_only, options, stored)  # no parts are left: all four work
    assert sum(again.values()) == 256 * len(PROMPTS) - 8 * before
    assert not alive(tmp_path)
