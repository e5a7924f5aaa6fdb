"""A reply of the endpoint counts only if it copies a part of the text; requests are as documented."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lmsi_kedro.engines.server.answer_reader import PROMPT, TRIAL, AnswerReader, stated
from lmsi_kedro.engines.server.faults import ServerError
from lmsi_kedro.params import ReaderParams
from tests.engines.fake_server import Answer, FakeServer, Reply, chatted, running

ROOT = Path(__file__).parents[3]


@contextmanager
def reading(answer: Answer, **changed: Any) -> Iterator[tuple[FakeServer, AnswerReader]]:
    with running(answer) as server:
        given = {"urls": server.url, "model": "judge", "retries": 1, **changed}
        reader = AnswerReader(ReaderParams(**given))
        try:
            yield server, reader
        finally:
            reader.close()


@pytest.mark.parametrize(
    ("text", "reply", "surface"),
    [
        ("So 3 + 4 makes 7 apples.", "7", "7"),
        ("So 3 + 4 makes 7 apples.", "7 apples.", "7 apples"),
        ("It must be the  Big\nHouse.", '"the big house"', "the  Big\nHouse"),
        ("It is (B), so B it is.", "**B**", "B"),
        ("So 42 it is.", "4", None),
        ("So 3.5 it is.", "3", None),
        ("So 3.5 it is.", "5", None),
        ("So -5 it is.", "5", None),
        ("So \N{MINUS SIGN}5 it is.", "5", None),
        ("So 1/2 it is.", "2", None),
        ("So 2 1/2 cups.", "2", None),
        ("So 2 1/2 cups.", "1/2", None),
        ("So 2 1/2 cups.", "2 1/2", "2 1/2"),
        ("So 5 000 it is.", "5", None),
        ("So at 10:30 it is.", "10", None),
        ("So at 10:30 it is.", "30", None),
        ("So 5^2 it is.", "5", None),
        ("So 3-5 it is.", "3", None),
        ("It must be a bird.", "A", None),
        ("Step 2: 7 it is.", "7", "7"),
        ("So 3 + 4 makes something.", "7", None),
        ("The value is UNKNOWN.", "UNKNOWN", None),
        ("So 7.", "", None),
        ("So 7.", None, None),
        ("So 7.", "The solution states 7.", None),
        ("<think>9</think> So 7 it is.", "9", None),
        ("<think>9</think> So 7 it is.", "<think>Hm.</think>7", "7"),
        ("So 7 it is.\nQ: 8?", "8", None),
    ],
)
def test_only_copies_of_the_text_count(text: str, reply: str | None, surface: str | None) -> None:
    found = stated(text, reply)
    assert (found.reply, found.surface) == (reply, surface)
    assert surface is None or text[found.start : found.end] == surface


def test_last_copy_in_the_text_counts() -> None:
    assert stated("7 and 8, so 7 it is.", "7").start == 12


def test_requests_contain_prompt_and_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal texts are sent once; thoughts, blank texts and the key of the engine are not sent."""
    monkeypatch.setenv("LMSI_API_KEY", "of-the-engine")
    monkeypatch.setenv("LMSI_READER_API_KEY", "of-the-reader")
    texts = ["<think>9</think> So 7.", "<think>9", "  ", "So 7.", "So 8."]
    with reading(lambda body, _: (200, chatted("7"))) as (server, reader):
        said = reader.read(texts)
    assert [found.surface for found in said] == ["7", None, None, "7", None]
    assert sorted(body["messages"][0]["content"] for body in server.bodies) == [
        PROMPT + "So 7.",
        PROMPT + "So 8.",
    ]
    (first, _) = server.bodies
    assert set(first) == {"model", "messages", "temperature", "max_tokens"}
    assert (first["model"], first["temperature"], first["max_tokens"]) == ("judge", 0, 64)
    assert server.keys == {"Bearer of-the-reader"}


def test_prompt_is_quoted_in_the_docs() -> None:
    page = " ".join((ROOT / "docs/new_task.md").read_text().replace("\n> ", " ").split())
    assert " ".join(PROMPT.split()) in page


def refusing(body: dict[str, Any], _: int) -> Reply:
    long = "long" in body["messages"][0]["content"]
    return (400, {"error": "too long"}) if long else (200, chatted("7"))


def test_rejected_text_gets_no_answer() -> None:
    with reading(refusing) as (_, reader):
        assert [found.surface for found in reader.read(["A long 7.", "So 7."])] == [None, "7"]


def test_withheld_reply_gives_no_answer() -> None:
    withheld = chatted(None, "content_filter")
    with reading(lambda body, _: (200, withheld)) as (server, reader):
        assert reader.read(["So 7."])[0].surface is None
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((404, {"error": "no such model"}), "404.*Look at voting.reader.urls, voting.reader.model and "
         "the environment variable LMSI_READER_API_KEY"),
        ((503, {"error": "too busy"}), "^voting.reader: no server gave .*503.*too busy"),
        ((200, {"choices": [{"text": "7", "finish_reason": "stop"}]}), "not a chat.*voting.reader to null"),
        ((400, {"error": "no temperature"}), "^voting.reader: .*400.*no temperature"),
        ((200, chatted("<think>\nLet me see")), "^voting.reader: the 64 tokens .* only thoughts; turn"),
        ((200, chatted(None, "length")), "^voting.reader: the 64 tokens .* only thoughts; turn thinking off"),
    ],
)  # fmt: skip
def test_bad_endpoint_is_a_one_line_error(answer: Reply, said: str) -> None:
    with (
        reading(lambda body, _: answer, retries=0) as (server, reader),
        pytest.raises(ServerError, match=said) as failed,
    ):
        reader.try_out()
    assert "\n" not in str(failed.value)
    assert server.bodies[0]["messages"][0]["content"] == PROMPT + TRIAL


def test_key_in_an_error_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMSI_READER_API_KEY", "sk-reader")
    assert "sk-reader" not in str(ServerError("bad key sk-reader"))


@pytest.mark.parametrize("url", ["localhost:8000/v1", "http://me:secret@host/v1"])
def test_bad_url_names_the_reader(url: str) -> None:
    with pytest.raises(ValueError, match=r"voting\.reader\.urls: ") as failed:
        ReaderParams(urls=[url], model="m")
    assert "secret" not in str(failed.value)
