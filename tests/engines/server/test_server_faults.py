"""Faulty responses are retried or reported in one line; no path is lost, broken or made up."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lmsi_kedro.engines.server.engine import seed_of
from lmsi_kedro.engines.server.faults import ServerError
from lmsi_kedro.engines.server.fleet import Fleet
from lmsi_kedro.params import ServerParams
from tests.engines.fake_server import Answer, FakeServer, Length, Raw, Reply, completion, running
from tests.engines.served import PROMPTS, SAMPLING, asked, plan, sampled

Content = dict[str, Any]
Spoil = Callable[[Content], Reply]
HTML = (
    b"<!DOCTYPE html>\n<html><head><title>502 Bad\nGateway</title></head><body>nginx</body></html>"
)
STREAM = Raw(b'data: {"choices": [{"text": " a"}]}\n\ndata: [DONE]\n\n', "text/event-stream")


def instead(status: int, body: Any, kind: str = "application/json", **more: Any) -> Spoil:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda content: (status, Raw(data, kind, **more))


def choices(**changed: Any) -> Spoil:
    """Set these fields in every choice; the value ... removes a field."""

    def spoil(content: Content) -> Reply:
        for choice in content["choices"]:
            choice |= changed
            for name in [name for name, value in changed.items() if value is ...]:
                del choice[name]
        return 200, content

    return spoil


def logprobs(*values: Any) -> Spoil:
    return choices(logprobs={"token_logprobs": values})


def cut(content: Content) -> Reply:
    return 200, Raw(json.dumps(content).encode()[:-40])


def broken_off(content: Content) -> Reply:
    body = json.dumps(content).encode()
    return 200, Raw(body[:-40], announced=len(body))


PASSING: dict[str, Spoil] = {
    "html": instead(200, HTML, "text/html"),
    "html_called_json": instead(200, HTML),
    "html_502": instead(502, HTML, "text/html"),
    "no_body": instead(200, b""),
    "null": instead(200, None),
    "list": instead(200, []),
    "words": instead(200, b"upstream connect error", "text/plain"),
    "not_utf8": instead(200, b'{"choices": [{"text": "\xff"}]}'),
    "nested": instead(200, b"[" * 100_000),
    "cut": cut,
    "broken_off": broken_off,
    "not_gzip": instead(200, {"choices": []}, headers={"Content-Encoding": "gzip"}),
    "error": instead(200, {"error": {"message": "engine is dead", "type": "server_error"}}),
    "error_text": instead(200, {"error": "llama runner process has terminated"}),
    "error_object": instead(200, {"object": "error", "message": "out of memory", "code": 500}),
    "error_code": instead(200, {"error": {"message": "slow down", "code": "429"}}),
    "detail": instead(200, {"detail": "try later"}),
    "tgi_424": instead(424, {"error": "Request failed during generation", "error_type": "generation"}),
    "timeout_408": instead(408, {"error": "late"}),
    "conflict_409": instead(409, {"error": "locked"}),
    "busy_429": instead(429, {"error": "busy"}),
    "broken_500": instead(500, {"error": "broken"}),
    "loading_503": instead(503, {"error": {"message": "Loading model", "code": 503}}),
    "choices_null": lambda content: (200, content | {"choices": None}),
    "choices_texts": lambda content: (200, content | {"choices": [" a", " b"]}),
    "no_choice": lambda content: (200, content | {"choices": []}),
    "text_null": choices(text=None),
    "text_missing": choices(text=...),
    "text_number": choices(text=5),
    "chat": choices(text=..., message={"role": "assistant", "content": "a"}),
    "surrogate": choices(text=" half \ud83d"),
    "logprob_null": logprobs(None, -0.5),
    "logprob_nan": logprobs(-0.5, float("nan")),
    "logprob_infinite": logprobs(float("-inf")),
    "logprob_vllm_infinite": logprobs(-9999.0),
    "logprob_lowest": logprobs(-3.4028234663852886e38),
    "logprob_probability": logprobs(0.7),
    "logprob_text": logprobs("-0.5"),
    "logprob_huge": logprobs(-(10**400)),
    "logprobs_null": choices(logprobs=None),
    "logprobs_empty": logprobs(),
    "logprobs_chat_nan": choices(logprobs={"content": [{"token": "a", "logprob": float("nan")}]}),
    **{
        f"finish_{reason}": choices(finish_reason=reason)
        for reason in ("abort", "error", "content_filter", "SAFETY", "tool_calls", "load", "", None, 1)
    },
}  # fmt: skip
FINAL: dict[str, Spoil] = {
    "stream": lambda content: (200, STREAM),
    "stream_called_json": lambda content: (200, Raw(STREAM.body)),
    "error_401": instead(401, {"error": "no"}),
    "error_404": instead(404, {"error": "no"}),
    "error_404_in_200": instead(200, {"error": {"message": "no such model", "code": 404}}),
    "error_400": instead(400, {"error": {"message": "context length is 64"}}),
    "too_large": instead(413, HTML, "text/html"),
}
# What the error contains in addition to the url.
STAYS = {
    **dict.fromkeys(PASSING, "no server gave a valid answer after 2 retries: .*Finished chunks are kept"),
    "html": r"HTML page '502 Bad Gateway'.*engine\.server\.urls, HTTP_PROXY",
    "html_502": "502: an HTML page '502 Bad Gateway'",
    "cut": "bytes that end in",
    "error": "without choices: .*engine is dead",
    "error_code": "429: .*slow down",
    "loading_503": "503: .*Loading model",
    "no_choice": "with no choice",
    "text_null": "has no text: .*repair that server",
    "chat": "chat message",
    "surrogate": "half of a surrogate pair",
    "logprob_nan": "log-probability nan",
    "logprob_huge": r"log-probability -1000",
    "finish_abort": "finish_reason 'abort'",
    "finish_None": "finish_reason None",
    "stream": "event stream, .*turn streaming off",
    "stream_called_json": "event stream, .*turn streaming off",
    "error_401": r"401.*engine\.server\.urls.*LMSI_API_KEY",
    "error_404": r"404.*engine\.server\.urls.*LMSI_API_KEY",
    "error_404_in_200": r"404.*no such model.*engine\.server\.model",
    "error_400": "400: .*context length is 64",
    "too_large": "413: an HTML page",
}  # fmt: skip


@pytest.fixture
def model(tokenizer_only: Path, hurried: None) -> Path:
    return tokenizer_only


def spoilt(spoil: Spoil, length: Length, times: int = 10**9) -> Answer:
    """A server whose first `times` answers to each request for paths of q1 are faulty."""

    def answer(body: Content, count: int) -> Reply:
        status, content = completion(body, length)
        if body["max_tokens"] == SAMPLING.max_new_tokens and "Q: 1?" in body["prompt"]:
            assert isinstance(content, dict)
            return spoil(content) if count <= times else (status, content)
        return status, content

    return answer


def test_transient_faults_are_retried(model: Path, length: Length) -> None:
    """Each question has its own fault, which occurs twice; then the paths are those of a working server."""
    prompts = {name: f"Q: {name}?\nA:" for name in ["none", *PASSING]}

    def answer(body: Content, count: int) -> Reply:
        status, content = completion(body, length)
        name = body["prompt"][3 : body["prompt"].index("?")]
        if name in PASSING and count <= 2 and isinstance(content, dict):
            return PASSING[name](content)
        return status, content

    with running(lambda body, count: completion(body, length)) as server:
        wanted = sampled(plan(model, server, prompts=prompts))
    with running(answer) as server:
        assert sampled(plan(model, server, prompts=prompts)).equals(wanted)
    repeated = [json.loads(body)["prompt"] for body, count in server.counts.items() if count == 3]
    assert sorted(repeated) == sorted(prompts[name] for name in PASSING)


@pytest.fixture(scope="module")
def faulty() -> Iterator[tuple[FakeServer, Fleet]]:
    """A server that answers with the fault named in the prompt, and a fleet that uses it."""

    def answer(body: Content, count: int) -> Reply:
        _, content = completion(body, len)
        assert isinstance(content, dict)
        return {**PASSING, **FINAL}[body["prompt"]](content)

    with running(answer) as server:
        params = ServerParams(urls=[server.url], model="m", revision="sha256:00000000", retries=2)
        yield server, Fleet(params)


@pytest.mark.parametrize(("name", "message"), STAYS.items())
def test_permanent_faults_are_one_line_errors(
    hurried: None, faulty: tuple[FakeServer, Fleet], name: str, message: str
) -> None:
    """The error has the url and quotes the response; faults that cannot be temporary are not retried."""
    server, fleet = faulty
    with pytest.raises(ServerError, match=message) as failed:
        fleet.complete(0, name, frozenset({"logprobs"}), logprobs=1)
    assert re.search(rf"{server.url}/ \w+", str(failed.value))
    assert "\n" not in str(failed.value)
    assert len(str(failed.value)) < 600
    tries = [body for body in server.bodies if body["prompt"] == name]
    assert len(tries) == (1 if name in FINAL else 3)


def test_error_names_the_question(model: Path, length: Length) -> None:
    with (
        running(spoilt(PASSING["cut"], length)) as server,
        pytest.raises(ServerError, match=r"^question q1: no server gave a valid answer after 1"),
    ):
        sampled(plan(model, server, retries=1))


def test_valid_choices_of_a_reply_are_kept(model: Path, length: Length) -> None:
    """One of four choices was aborted; only this one is requested again, with its seed."""

    def answer(body: Content, count: int) -> Reply:
        status, content = completion(body, length)
        if body.get("n") == 4 and isinstance(content, dict):
            content["choices"][2]["finish_reason"] = "abort"
        return status, content

    with running(answer) as server:
        table = sampled(plan(model, server))
    seeds = [seed_of(3, question, path) for question in PROMPTS for path in range(4)]
    assert table["text"].to_list() == [f"Seed {s}. The answer is {s % 10}." for s in seeds]
    assert sorted(body["n"] for body in asked(server)) == [1] * 6 + [4] * 6


@pytest.mark.parametrize(
    ("finish", "reasons"),
    [
        ("stop", ["stop", "eos", "eos_token", "stop_sequence", "end_turn", "STOP", "COMPLETE"]),
        ("length", ["length", "max_tokens", "MAX_TOKENS", "model_length", "limit"]),
    ],
)
def test_finish_reasons_are_mapped(
    model: Path, length: Length, finish: str, reasons: list[str]
) -> None:
    for reason in reasons:
        with running(spoilt(choices(finish_reason=reason), length)) as server:
            table = sampled(plan(model, server))
        assert table.filter(question_id="q1")["finish"].to_list() == [finish] * 4, reason


def test_log_probabilities_of_llama_cpp_are_read(model: Path, length: Length) -> None:
    """llama.cpp returns them in the form of chat completions."""

    def chat_like(body: Content, count: int) -> Reply:
        status, content = completion(body, length)
        if "logprobs" in body and isinstance(content, dict):
            for choice in content["choices"]:
                choice["logprobs"] = {
                    "content": [{"logprob": -1}, {"logprob": -0.25}, {"logprob": 0.0}]
                }
        return status, content  # fmt: skip

    with running(chat_like) as server:
        table = sampled(plan(model, server))
    assert (table["logprob"] == -1.25).all()
    assert (table["tokens"] == 3).all()


def test_empty_completion_is_a_path(model: Path, length: Length) -> None:
    """An empty text has no log-probabilities."""
    with running(spoilt(choices(text="", logprobs=None), length)) as server:
        table = sampled(plan(model, server)).filter(question_id="q1")
    assert table.select("text", "tokens", "logprob").rows() == [("", 4, None)] * 4


def test_missing_prompt_token_count_is_an_error(model: Path, length: Length) -> None:
    for usage in (None, {}, {"prompt_tokens": None}, {"prompt_tokens": "18"}, [18]):

        def silent(body: Content, count: int, usage: Any = usage) -> Reply:
            status, content = completion(body, length)
            return status, {**content, "usage": usage} if isinstance(content, dict) else content

        with (
            running(silent) as server,
            pytest.raises(
                ServerError, match=rf"{server.url}/ does not report usage\.prompt_tokens"
            ),
        ):
            sampled(plan(model, server, retries=1))
        assert len(server.bodies) == 2


def test_usage_is_not_needed_for_every_path(model: Path, length: Length) -> None:
    """The length is taken from the log-probabilities; without both, a path is not stored."""

    def unused(content: Content) -> Reply:
        return 200, {name: value for name, value in content.items() if name != "usage"}

    with running(spoilt(unused, length)) as server:
        assert sampled(plan(model, server)).height == 24

    def unknown(body: Content, count: int) -> Reply:
        plain = {name: value for name, value in body.items() if name != "logprobs"}
        return spoilt(unused, length)(plain, count)

    with running(unknown) as server, pytest.raises(ServerError, match="its length is unknown"):
        sampled(plan(model, server, retries=0))


def test_server_with_nan_logprobs_is_refused_before_sampling(model: Path, length: Length) -> None:
    def overflowing(body: Content, count: int) -> Reply:
        status, content = completion(body, length)
        assert isinstance(content, dict)
        return logprobs(float("nan"))(content) if "logprobs" in body else (status, content)

    with running(overflowing) as server, pytest.raises(ServerError, match="log-probability nan"):
        sampled(plan(model, server, retries=1))
    assert asked(server) == []
