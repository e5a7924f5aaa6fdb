"""Four launched servers: one exits, one is slow, and one reports wrong token counts."""

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
    """Return the options of four servers; one server misbehaves in each of these ways, the others work."""
    folder.mkdir()
    for part in parts:
        (folder / f"{part}.flags").write_text(PARTS[part])
    return f"--parts {folder}"


def run(folder: Path, tokenizer: Path, options: str, stored: set[str]) -> dict[str, int]:
    """Sample the chunks that are not in `stored`, add their names to it, and return the sizes of the chunks."""
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
    assert "ended and is being restarted: CUDA out of memory" in caplog.text
    assert len(logs(tmp_path)) == 4
    assert not alive(tmp_path)


def test_miscounting_server_is_named_and_chunks_are_kept(
    tokenizer_only: Path, tmp_path: Path, hurried: None
) -> None:
    options, stored = prepare(tmp_path / "parts", *PARTS), set[str]()
    with pytest.raises(
        ServerError,
        match=r"counts \d+ tokens in the prompt of question q\d, but training counts \d+",
    ):
        run(tmp_path, tokenizer_only, options, stored)
    assert not alive(tmp_path)
    before = len(stored)
    again = run(tmp_path, tokenizer_only, options, stored)  # by now all four servers work normally
    assert sum(again.values()) == 256 * len(PROMPTS) - 8 * before
    assert not alive(tmp_path)
