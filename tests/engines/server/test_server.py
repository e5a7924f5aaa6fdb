"""Servers return all paths with their seeds, whatever fields and number of choices they support."""

import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lmsi_kedro.datasets.chunk_store import ChunkStore
from lmsi_kedro.engines.server.engine import check_prompt, seed_of
from lmsi_kedro.engines.server.faults import ServerError, fault
from lmsi_kedro.engines.server.fleet import Fleet
from lmsi_kedro.params import ServerParams
from lmsi_kedro.params.servers import LaunchedParams
from tests.engines.fake_server import (
    Answer,
    Length,
    Raw,
    Reply,
    answered,
    choice,
    completion,
    running,
)
from tests.engines.served import DIGEST, PROMPTS, SAMPLING, asked, plan, sampled
from tests.stores import fill

ALL = [(question, path) for question in PROMPTS for path in range(4)]


@pytest.fixture
def model(tokenizer_only: Path, hurried: None) -> Path:
    return tokenizer_only


def good(length: Length) -> Answer:
    return lambda body, count: completion(body, length)


def test_one_request_returns_all_paths_of_a_question(model: Path, length: Length) -> None:
    with running(good(length)) as server:
        table = sampled(plan(model, server))
    assert table.select("question_id", "path").rows() == ALL
    seeds = [seed_of(3, question, path) for question, path in ALL]
    assert table["text"].to_list() == [f"Seed {s}. The answer is {s % 10}." for s in seeds]
    assert table["finish"].to_list() == ["stop" if seed % 4 else "length" for seed in seeds]
    assert (table["tokens"] == 2).all()
    assert (table["logprob"] == -0.75).all()
    assert len(asked(server)) == 6
    body = asked(server)[0]
    assert body | {"prompt": "", "seed": 0} == {
        "prompt": "", "seed": 0, "model": "served", "max_tokens": 8, "temperature": 0.7, "top_p": 1.0,
        "stop": ["\nQ:"], "n": 4, "logprobs": 1, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0,
        "presence_penalty": 0.0, "frequency_penalty": 0.0,
    }  # fmt: skip
    assert server.keys == {"Bearer none"}


@pytest.mark.parametrize("slots", [1, 3, 4, 6])
def test_paths_do_not_depend_on_request_size(model: Path, length: Length, slots: int) -> None:
    """llama.cpp rejects an n above its number of slots; n is then halved until the server accepts it."""

    def few(body: dict[str, Any], count: int) -> Reply:
        if body.get("n", 1) > slots:
            message = "n_cmpl cannot be greater than the number of slots, please increase -np"
            return 400, {"error": {"code": 400, "message": message}}
        return completion(body, length)

    with running(good(length)) as server:
        wanted = sampled(plan(model, server, m=8))
    with running(few) as server:
        assert sampled(plan(model, server, m=8, concurrency=1)).equals(wanted)
    counts = [body.get("n", 1) for body in asked(server)]
    assert (
        counts == {1: [1] * 48, 3: [8, 4, *[2] * 24], 4: [8, *[4] * 12], 6: [8, *[4] * 12]}[slots]
    )


def test_missing_choices_are_requested_again(model: Path, length: Length) -> None:
    """The server returns at most two choices, whatever n is; later requests ask for no more than two."""
    with running(good(length)) as server:
        wanted = sampled(plan(model, server))
    with running(lambda body, count: completion(body, length, min(body.get("n", 1), 2))) as server:
        assert sampled(plan(model, server, concurrency=1)).equals(wanted)
    assert [body["n"] for body in asked(server)] == [4, *[2] * 11]


def test_choices_are_ordered_by_their_index(model: Path, length: Length) -> None:
    """Choices may come in any order; if one comes twice, the missing one is requested."""

    def turned(body: dict[str, Any], count: int) -> Reply:
        choices = [choice(body, i) for i in reversed(range(body.get("n", 1)))]
        if body.get("n") == 4:
            choices[0] = choices[1]
        return 200, answered(choices, length(body["prompt"]))

    with running(good(length)) as server:
        wanted = sampled(plan(model, server))
    with running(turned) as server:
        assert sampled(plan(model, server)).equals(wanted)
    assert sorted(body["n"] for body in asked(server)) == [1] * 6 + [4] * 6


@pytest.mark.parametrize("first", [1, 7, -3, None, "0"])
def test_choices_with_invalid_indices_keep_their_order(
    model: Path, length: Length, first: Any
) -> None:
    """The indices of the choices do not begin at 0, or are not numbers."""

    def odd(body: dict[str, Any], count: int) -> Reply:
        # The server returns one choice too many.
        choices = [choice(body, i) for i in range(body.get("n", 1) + 1)]
        for i, one in enumerate(choices):
            one["index"] = first + i if isinstance(first, int) else first
        return 200, answered(choices, length(body["prompt"]))

    with running(good(length)) as server:
        wanted = sampled(plan(model, server))
    with running(odd) as server:
        assert sampled(plan(model, server)).equals(wanted)
    assert [body["n"] for body in asked(server)] == [4] * 6


@pytest.mark.parametrize("status", [200, 422, 500])
def test_server_without_n_gets_one_request_per_path(
    model: Path, length: Length, status: int
) -> None:
    """The server ignores n, rejects it, or fails on it, as older versions of llama.cpp do."""

    def single(body: dict[str, Any], count: int) -> Reply:
        if "n" in body and status != 200:
            return status, {"error": "Only one completion choice is allowed"}
        return completion(body, length, choices=1)

    with running(single) as server:
        table = sampled(plan(model, server))
    assert table.height == 24
    assert [body.get("n") for body in asked(server)] == [None] * 24
    assert table["text"].n_unique() == 24


def test_choices_sharing_a_seed_are_rejected(model: Path, length: Length) -> None:
    """SGLang's deterministic mode gives all choices of a request its seed."""

    def copies(body: dict[str, Any], count: int) -> Reply:
        choices = [choice(body, 0) | {"index": i} for i in range(body.get("n", 1))]
        return 200, answered(choices, length(body["prompt"]))

    with running(copies) as server:
        assert sampled(plan(model, server))["text"].n_unique() == 24
    assert [body.get("n") for body in asked(server)] == [None] * 24


def test_api_key_is_read_from_the_environment(
    model: Path, length: Length, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line break at the end of the variable is not part of the key."""
    monkeypatch.setenv("LMSI_API_KEY", "a-secret\n")
    with running(good(length)) as server:
        made = plan(model, server)
        sampled(made)
        assert server.keys == {"Bearer a-secret"}
        assert "a-secret" not in repr(made)
        monkeypatch.setenv("LMSI_API_KEY", "schlüssel")
        with pytest.raises(ServerError, match="LMSI_API_KEY has characters"):
            sampled(plan(model, server))


def test_fields_that_a_server_refuses_are_left_out(model: Path, length: Length) -> None:
    def strict(body: dict[str, Any], count: int) -> Reply:
        known = {"model", "prompt", "max_tokens", "temperature", "stop"}
        if unknown := set(body) - known:
            return 422, {"detail": f"unexpected {unknown}"}
        return completion(body, length)

    with running(strict) as server:
        table = sampled(plan(model, server))
        assert table["logprob"].null_count() == table.height == 24
        assert (table["tokens"] == 4).all()
        with pytest.raises(ServerError, match=r"refuses top_k, which paths\.sampling sets"):
            sampled(plan(model, server, sampling=SAMPLING.model_copy(update={"top_k": 5})))


@pytest.mark.parametrize(("name", "value"), [("top_k", 5), ("min_p", 0.1), ("top_p", 0.9)])
def test_ignored_sampling_filter_is_an_error(
    model: Path, length: Length, name: str, value: float
) -> None:
    """Ollama accepts top_k but ignores it. TGI rejects a top_p of 1 and applies smaller values."""
    sampling = SAMPLING.model_copy(update={name: value})

    def ignores(body: dict[str, Any], count: int) -> Reply:
        return completion({key: given for key, given in body.items() if key != name}, length)

    def refuses_one(body: dict[str, Any], count: int) -> Reply:
        return (422, {"error": "< 1.0"}) if body.get("top_p") == 1 else completion(body, length)

    with (
        running(ignores) as server,
        pytest.raises(ServerError, match=rf"ignores {name}, which paths\.sampling sets"),
    ):
        sampled(plan(model, server, sampling=sampling))
    with running(refuses_one) as server:
        assert sampled(plan(model, server, sampling=sampling)).height == 24
    assert {body.get(name) for body in asked(server)} == {value}


def test_fleet_shares_work_and_survives_a_dead_server(model: Path, length: Length) -> None:
    def dead(body: dict[str, Any], count: int) -> Reply:
        return (500, {"error": "dead"}) if body["max_tokens"] > 1 else completion(body, length)

    with running(good(length)) as one, running(good(length)) as two, running(dead) as three:
        assert sampled(plan(model, one, two, three, m=32)).height == 6 * 32
        assert asked(one)
        assert asked(two)
        assert len(asked(one)) + len(asked(two)) == 24
        assert asked(three)


def test_concurrent_requests_stay_within_the_limit(model: Path, length: Length) -> None:
    def slow(body: dict[str, Any], count: int) -> Reply:
        time.sleep(0.05)
        return completion(body, length)

    with running(slow) as server:
        sampled(plan(model, server, m=16, concurrency=3))
    assert server.most_busy == 3


def test_server_of_another_model_is_refused(model: Path, length: Length) -> None:
    """The wrong model is detected by its count of tokens, or before that by the revision in the parameters."""
    with running(good(lambda prompt: length(prompt) + 1)) as server:
        with pytest.raises(
            ServerError, match=rf"{server.url}/ counts 19 tokens .* training counts 18"
        ):
            sampled(plan(model, server))
        with pytest.raises(
            ServerError, match=f"ffffffff, but this run now samples .* sha256:{DIGEST[:12]}"
        ):
            sampled(plan(model, server, revision="sha256:ffffffff"))


def test_server_that_truncates_long_prompts_is_refused(model: Path, length: Length) -> None:
    """Ollama silently keeps only the end of a prompt that is longer than its num_ctx."""

    def cuts(body: dict[str, Any], count: int) -> Reply:
        return completion(body, lambda prompt: 11 if "Q: 5?" in prompt else length(prompt))

    with (
        running(cuts) as server,
        pytest.raises(ServerError, match=r"counts 11 tokens in the prompt of question q5.*cuts"),
    ):
        sampled(plan(model, server))


@pytest.mark.parametrize("counted", ["prompt_tokens_details", "cached_tokens", "choices"])
def test_other_ways_of_counting_prompts_are_accepted(
    model: Path, length: Length, counted: str
) -> None:
    """Some servers leave out cached tokens, or count the prompt once per choice."""

    def counts(body: dict[str, Any], count: int) -> Reply:
        status, content = completion(body, length)
        assert isinstance(content, dict)
        usage = content["usage"]
        if counted == "choices":
            usage["prompt_tokens"] *= body.get("n", 1)
        else:
            usage["prompt_tokens"] -= 16
            usage[counted] = 16 if counted == "cached_tokens" else {"cached_tokens": 16}
        return status, content

    with running(counts) as server:
        assert sampled(plan(model, server)).height == 24


def test_a_url_needs_a_scheme() -> None:
    with pytest.raises(
        ValidationError, match=r"engine\.server\.urls: each must begin with http://"
    ):
        ServerParams(urls=["localhost:8000/v1"], model="served", revision="sha256:00000000")


@pytest.mark.parametrize(
    "url", ["http://user:hunter2@host/v1", "https://host/v1?key=hunter2", "user:hunter2@host/v1"]
)
def test_url_with_password_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ValidationError, match=r"engine\.server\.urls") as refused:
        ServerParams(urls=[url], model="served", revision="sha256:00000000")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("listed", "said"),
    [((404, {}), "Look at engine.launch.server, engine.launch.options and the environment variable LMSI_API_KEY"),
     ((200, Raw(b"<html>")), "check engine.launch.server, HTTP_PROXY and NO_PROXY"),
     ((200, {"error": {"code": "401"}}), "Look at engine.launch.server, "),
     ((200, answered([{"text": None}], 1)), "repair that server, or set another engine.launch.server"),
     ((200, answered([{"text": "", "finish_reason": "stop"}], 7)), "7 tokens .* a different model, cuts")],
)  # fmt: skip
def test_errors_of_launched_servers_name_their_settings(listed: Reply, said: str) -> None:
    with running(lambda body, count: listed) as server:
        params = LaunchedParams(urls=[server.url], model="m", revision="sha256:00000000", retries=0)
        with pytest.raises(ServerError, match=said) as failed:
            check_prompt(Fleet(params).complete(0, "Q"), "q1", 5, 1)
    assert "engine.server." not in str(failed.value)


def test_redirect_to_another_host_drops_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMSI_API_KEY", "sk-secret")
    with running(lambda body, _: completion(body, len)) as other:

        def elsewhere(body: dict[str, Any], _: int) -> Reply:
            return 307, Raw(b"", headers={"Location": f"{other.url}/completions"})

        with running(elsewhere) as server:
            params: dict[str, Any] = {
                "model": "served",
                "revision": "sha256:00000000",
                "retries": 0,
            }
            fleet = Fleet(ServerParams(urls=[server.url], **params))
            fleet.complete(0, "Q", frozenset(), max_tokens=4)
    assert server.keys == {"Bearer sk-secret"}
    assert other.keys == {None}


def test_key_echoed_by_a_server_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMSI_API_KEY", "sk-secret\n")
    for status, body in (
        (401, "bad key sk-secret"),
        (503, "sk-secret is over its limit"),
        (400, "?sk-secret"),
    ):
        said = str(fault("http://host/v1", status, body))
        assert "***" in said
        assert "sk-secret" not in said


def test_stored_chunks_are_reused_only_for_their_model(
    model: Path, length: Length, tmp_path: Path
) -> None:
    """Chunks stored before a failure are kept. Their addresses contain the model's name, but no url."""
    store = ChunkStore(filepath=str(tmp_path / "paths"))
    broken = {"yes": True}

    def breaks(body: dict[str, Any], count: int) -> Reply:
        if broken["yes"] and "Q: 5?" in body["prompt"]:
            return 500, {"error": "broken"}
        return completion(body, length)

    with running(breaks) as server:
        with pytest.raises(ServerError, match="no server gave a valid answer"):
            fill(store, plan(model, server, retries=0, concurrency=1))
        kept = {path.name for path in (tmp_path / "paths").glob("*.parquet")}
        broken["yes"] = False
        fill(store, plan(model, server))
    assert kept
    assert kept < {path.name for path in (tmp_path / "paths").glob("*.parquet")}
    with running(good(length)) as other:
        same, renamed = plan(model, other), plan(model, other, served="other")
        fill(store, same)
        assert other.bodies == []
        assert not set(same.chunks) & set(renamed.chunks)
        local = renamed.engine.model_copy(update={"executor": "processes"})
        assert "server" not in local.identity
        assert renamed.engine.identity["server"] == "other"
