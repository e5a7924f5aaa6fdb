"""Mutated input is read completely or rejected with an error that names it; each test takes FUZZ_SECONDS."""

import math
from functools import partial
from pathlib import Path
from typing import Literal

import polars as pl
import pytest
from kedro.io import DatasetError

from lmsi_kedro import schemas
from lmsi_kedro.datasets.chunk_store import ChunkStore, checksum
from lmsi_kedro.datasets.question_file import QuestionFile
from lmsi_kedro.engines.server.faults import ServerError
from lmsi_kedro.engines.server.reply import COUNT, Reader
from lmsi_kedro.params import Conversation
from lmsi_kedro.tasks.chat import added_tokens
from lmsi_kedro.tasks.encoding import Encoder
from lmsi_kedro.tasks.turns import single
from tests.mutations import attempt, corpus, fuzz
from tests.tokenizers import load

JSON = [
    b'"', b"null", b"[]", b"{}", b"-1", b"1e999", b"NaN", b"9" * 5000, b"[" * 2000, b'"\\ud800"',
]  # fmt: skip
URL = "http://host/v1"


def test_mutated_chunks_are_refused_or_read(tmp_path: Path) -> None:
    """The checksums match, as anyone who can write to the data root can compute them."""
    store = ChunkStore(filepath=str(tmp_path), check="lmsi_kedro.schemas.paths")

    def holds(_: str, content: bytes) -> None:
        name = f"a.{checksum(content)}.parquet"
        (tmp_path / name).write_bytes(content)
        store.save(("plan", ["a"]))
        table, refusal = attempt(lambda: store.load().table(), DatasetError)
        if table is None:
            assert name in refusal
        else:
            assert table.schema == schemas.PATHS
            table.rows()
        (tmp_path / name).unlink()

    fuzz("chunks", [b"PAR1", b"\x00\x00", b"\xff\xff\xff\x7f", b"text", b"path"], holds)


def test_mutated_manifests_are_refused_or_read(tmp_path: Path) -> None:
    """A manifest can only refer to complete chunks in its own folder."""
    whole = corpus("chunks")["paths.parquet"]
    mark = checksum(whole)
    folder = tmp_path / "paths"
    folder.mkdir()
    for path in (folder / f"a.{mark}.parquet", tmp_path / f"outside.{mark}.parquet"):
        path.write_bytes(whole)
    store = ChunkStore(filepath=str(folder), check="lmsi_kedro.schemas.paths")
    read = set()

    def holds(name: str, content: bytes) -> None:
        (folder / "manifest.json").write_bytes(content.replace(b"CHECKSUM", mark.encode()))
        tables, refusal = attempt(lambda: list(store.load()), DatasetError)
        if tables is None:
            assert str(folder) in refusal
        else:
            assert all(table.schema == schemas.PATHS for table in tables)
            read.add(name)

    fuzz("manifests", [*JSON, b"../", b"/", b"a.CHECKSUM.parquet", b"\\u0000"], holds)
    assert "whole.json" in read
    assert not {name for name in corpus("manifests") if name != "whole.json"} & read


def test_mutated_question_files_are_refused_or_read(tmp_path: Path) -> None:
    """The result is a table that can be saved and loaded unchanged, or an error with the name of the file."""

    def dataset(name: str) -> QuestionFile:
        return QuestionFile(filepath=str(tmp_path / name), problems=str(tmp_path / "problems.csv"))

    def holds(name: str, content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        table, refusal = attempt(dataset(name).load, DatasetError)
        if table is None:
            assert refusal.startswith(str(tmp_path / name))
            return
        assert table.schema == schemas.RAW_QUESTIONS
        again = dataset("again.jsonl")
        again.save(table)
        assert again.load().drop("source").equals(table.drop("source"))

    pieces = [*JSON, b"question", b"answer", b"choices", b"\n", b",", b";", b'""', b"\xef\xbb\xbf"]
    fuzz("questions", [*pieces, b"\x00", b"\xff", b"PAR1", b"\xff\xff\xff\x7f"], holds)


def test_mutated_server_replies_are_refused_or_read() -> None:
    """The result is complete choices that fit into a table, or a short error with the URL of the server."""
    readers = [Reader(URL), Reader(URL, frozenset({"usage", "logprobs"})), Reader(URL, n=3)]

    def holds(_: str, content: bytes) -> None:
        for reader in readers:
            reply, refusal = attempt(
                partial(reader.reply, content, "application/json"), ServerError
            )
            if reply is None:
                assert URL in refusal
                assert len(refusal) < 1000
                continue
            assert reply.completions.keys() <= set(range(reader.n))
            for completion in reply.completions.values():
                pl.Series([completion.tokens], dtype=pl.Int32)
                assert 0 <= completion.tokens < COUNT
                assert completion.text.encode().decode() == completion.text
                assert completion.logprob is None or math.isfinite(completion.logprob)

    names = (b"choices", b"text", b"finish_reason", b"logprobs", b"content", b"usage", b"error")
    fuzz("replies", [*JSON, *names, b'"length"', b"<html>", b"data:", b"\xff"], holds)


@pytest.mark.parametrize(
    ("name", "chat"),
    [("gpt2", "never"), ("llama2_base", "never"), ("qwen3", "auto"), ("gemma3", "auto")],
)
def test_mutated_prompts_keep_their_tokens(name: str, chat: Literal["auto", "never"]) -> None:
    """Sampling and training use the same ids; texts add no control token, and a target has one end token."""
    tokenizer = load(name)
    encoder = Encoder(tokenizer, Conversation(chat=chat))
    controls = {
        tokenizer.convert_tokens_to_ids(token)
        for token in added_tokens(tokenizer)
        if encoder.control.fullmatch(token)
    }
    ends = encoder.ends(None)

    def counted(ids: list[int]) -> int:
        return sum(token in controls for token in ids)

    usual = counted(encoder.prompts(["A:"])[0])

    def holds(_: str, content: bytes) -> None:
        question, mark, written = content.decode(errors="replace").partition("\nA:")
        prompt = single(question + mark)
        (ids,) = encoder.prompts([prompt])
        assert counted(ids) == usual
        targets = [written, f" {encoder.path(written)}"]
        for example in encoder.examples([prompt, prompt], targets):
            assert example.ids[: example.prompt_tokens] == ids
            *added, end = example.ids[example.prompt_tokens :]
            assert end in ends
            assert not ends & set(added)

    tokens = [token.encode() for token in added_tokens(tokenizer)]
    fuzz(
        "prompts", [*tokens, b"\nA:", b"\n\n", b" ", b"<think>", "é".encode(), "▁".encode()], holds
    )
