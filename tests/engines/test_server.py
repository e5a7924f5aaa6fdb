"""Servers that misbehave: repeated, refused or reported, but never a path lost or made up."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.io import DatasetError

from lmsi_kedro.datasets.chunk_store import ChunkStore
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.engines.server.engine import seed_of
from lmsi_kedro.engines.server.fleet import Fleet, RefusedError, ServerError
from lmsi_kedro.mini_world.pretraining import train_tokenizer
from lmsi_kedro.params import EngineParams, Sampling, ServerParams
from lmsi_kedro.tasks import Prompt
from tests.engines.fake_server import FakeServer, Reply, completion, running
from tests.stores import fill

DIGEST = "0123456789abcdef" * 4
PROMPTS = {f"q{i}": Prompt("Q: a?\nA: b.\n\n", f"Q: {i}?\nA:") for i in range(6)}
SAMPLING = Sampling(temperature=0.7, max_new_tokens=8, seed=3)
Length = Callable[[str], int]
Answer = Callable[[dict[str, Any], int], Reply]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer is all that is needed of a model that others serve."""
    folder = tmp_path_factory.mktemp("model")
    train_tokenizer(seed=1, sample=500).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def length(model: Path) -> Length:
    """Of a prompt, in tokens."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    return lambda prompt: len(tokenizer.encode(prompt))


def plan(
    model: Path,
    *servers: FakeServer,
    sampling: Sampling = SAMPLING,
    m: int = 4,
    served: str = "served",
    **changed: Any,
) -> Plan:
    server = {
        "urls": [s.url for s in servers],
        "model": served,
        "revision": f"sha256:{DIGEST[:12]}",
        "retries": 3,
    }
    params = EngineParams(
        executor="server", ray_address=None, workers=1, dtype="auto", paths_per_chunk=8, rows=8, chat="auto",
        trust_remote_code=False, skip_too_long=False, server=ServerParams(**(server | changed)),
    )  # fmt: skip
    made = Plan(model, DIGEST, params)
    made.add(PROMPTS, range(m), sampling, {"exemplar_set": "none"})
    return made


def sampled(made: Plan) -> pl.DataFrame:
    try:
        tables = [table for _, table in made.compute(list(made.chunks))]
    finally:
        made.close()
    return pl.concat(tables).sort("question_id", "path")


def good(length: Length) -> Answer:
    return lambda body, count: completion(body, length)


def asked(server: FakeServer) -> list[dict[str, Any]]:
    """The bodies after the negotiation."""
    return [body for body in server.bodies if body["max_tokens"] == SAMPLING.max_new_tokens]


def test_a_good_server_gives_all_paths_of_a_question_at_once(model: Path, length: Length) -> None:
    with running(good(length)) as server:
        table = sampled(plan(model, server))
    assert table.select("question_id", "path").rows() == [(q, p) for q in PROMPTS for p in range(4)]
    assert table["finish"].to_list() == ["stop", "length", "stop", "stop"] * 6
    assert (table["tokens"] == 2).all()
    assert (table["logprob"] == -0.75).all()
    assert table["text"][0] == f"Seed {seed_of(3, 'q0', 0)}, choice 0. The answer is 0."
    assert len(asked(server)) == 6
    body = asked(server)[0]
    assert body | {"prompt": "", "seed": 0} == {
        "prompt": "", "seed": 0, "model": "served", "max_tokens": 8, "temperature": 0.7, "top_p": 1.0,
        "stop": ["\nQ:"], "n": 4, "logprobs": 1, "top_k": -1, "min_p": 0.0,
    }  # fmt: skip
    assert server.keys == {"Bearer none"}


def test_the_key_comes_from_the_environment(
    model: Path, length: Length, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMSI_API_KEY", "a-secret")
    with running(good(length)) as server:
        made = plan(model, server)
        sampled(made)
    assert server.keys == {"Bearer a-secret"}
    assert "a-secret" not in repr(made)


def test_a_server_without_n_is_asked_once_per_path(model: Path, length: Length) -> None:
    """And with another seed each."""
    with running(lambda body, count: completion(body, length, choices=1)) as server:
        table = sampled(plan(model, server))
    assert table.height == 24
    assert [body.get("n") for body in asked(server)] == [None] * 24
    assert table["text"].n_unique() == 24


def test_choices_that_did_not_come_are_asked_for(model: Path, length: Length) -> None:
    """Two of four each time, though the negotiation went well."""
    with running(lambda body, count: completion(body, length, min(body.get("n", 1), 2))) as server:
        table = sampled(plan(model, server))
    assert table.select("question_id", "path").rows() == [(q, p) for q in PROMPTS for p in range(4)]
    assert sorted(body["n"] for body in asked(server)) == [1] * 12 + [4] * 6


def test_fields_that_a_server_refuses_are_left_out(model: Path, length: Length) -> None:
    def strict(body: dict[str, Any], count: int) -> Reply:
        known = {"model", "prompt", "max_tokens", "temperature", "top_p", "stop"}
        if unknown := set(body) - known:
            return 422, {"detail": f"unexpected {unknown}"}
        return completion(body, length)

    with running(strict) as server:
        table = sampled(plan(model, server))
        assert table["logprob"].null_count() == table.height == 24
        assert (table["tokens"] == 4).all()
        with pytest.raises(ServerError, match=r"refuses top_k, which paths\.sampling sets"):
            sampled(plan(model, server, sampling=SAMPLING.model_copy(update={"top_k": 5})))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_repeated(model: Path, length: Length, status: int) -> None:
    """Every first request fails."""

    def busy(body: dict[str, Any], count: int) -> Reply:
        return (status, {"error": "busy"}) if count == 1 else completion(body, length)

    with running(busy) as server:
        assert sampled(plan(model, server)).height == 24
    assert all(count == 2 for count in server.counts.values())


def test_a_server_that_hangs_is_left_alone_in_time(model: Path, length: Length) -> None:
    """Each request has its limit; the error names the server, and stored chunks stay."""

    def hangs(body: dict[str, Any], count: int) -> Reply:
        if "n" in body and body["max_tokens"] > 1 and "Q: 5?" in body["prompt"]:
            time.sleep(3)
        return completion(body, length)

    with running(hangs) as server:
        start = time.monotonic()
        with pytest.raises(ServerError, match=rf"{server.url}/ APITimeoutError") as failed:
            sampled(plan(model, server, timeout_seconds=0.3, retries=1))
        assert time.monotonic() - start < 15
        assert "Chunks that are done stay" in str(failed.value)


def test_a_fleet_shares_the_work_and_outlives_one_of_its_servers(
    model: Path, length: Length
) -> None:
    def dead(body: dict[str, Any], count: int) -> Reply:
        return (500, {"error": "dead"}) if body["max_tokens"] > 1 else completion(body, length)

    with running(good(length)) as one, running(good(length)) as two, running(dead) as three:
        assert sampled(plan(model, one, two, three, m=32)).height == 6 * 32
        assert asked(one)
        assert asked(two)
        assert len(asked(one)) + len(asked(two)) == 24
        assert asked(three)


def test_no_more_requests_at_a_time_than_wanted(model: Path, length: Length) -> None:
    def slow(body: dict[str, Any], count: int) -> Reply:
        time.sleep(0.05)
        return completion(body, length)

    with running(slow) as server:
        sampled(plan(model, server, m=16, concurrency=3))
    assert server.most_busy == 3


@pytest.mark.parametrize("status", [401, 404])
def test_what_will_not_pass_is_said_with_what_to_look_at(model: Path, status: int) -> None:
    with (
        running(lambda body, count: (status, {"error": "no"})) as server,
        pytest.raises(ServerError, match=rf"{status}.*engine\.server\.urls.*LMSI_API_KEY"),
    ):
        sampled(plan(model, server))
    assert len(server.bodies) == 1


def test_a_server_of_another_model_is_found_out(model: Path, length: Length) -> None:
    """By the tokens it counts; and before that by what the user vouched for."""
    with running(good(lambda prompt: length(prompt) + 1)) as server:
        with pytest.raises(ServerError, match=r"sees 19 tokens .* training 18"):
            sampled(plan(model, server))
        with pytest.raises(ServerError, match=f"ffffffff, but paths of .* sha256:{DIGEST[:12]}"):
            sampled(plan(model, server, revision="sha256:ffffffff"))


def test_an_answer_without_choices_names_the_question(model: Path, length: Length) -> None:
    def empty(body: dict[str, Any], count: int) -> Reply:
        return completion(body, length, 0 if body["max_tokens"] > 1 else None)

    with (
        running(empty) as server,
        pytest.raises(ServerError, match=r"question q\d: .* no choice"),
    ):
        sampled(plan(model, server))


def test_a_refused_request_is_not_repeated() -> None:
    params = ServerParams(urls="http://127.0.0.1:9/v1", model="served", revision="sha256:00000000")  # type: ignore[arg-type]
    with running(lambda body, count: (400, {"error": {"message": "too long"}})) as server:
        fleet = Fleet(params.model_copy(update={"urls": [server.url]}))
        with pytest.raises(RefusedError, match="too long"):
            fleet.complete(0, "?", max_tokens=1)
        assert fleet.models() == {f"{server.url}/": ["served"]}
    assert len(server.bodies) == 1


def test_chunks_of_servers_are_stored_and_never_taken_for_others(
    model: Path, length: Length, tmp_path: Path
) -> None:
    """A failure in the middle keeps what came before; the address knows the model's name, not the url."""
    store = ChunkStore(filepath=str(tmp_path / "paths"))
    broken = {"yes": True}

    def breaks(body: dict[str, Any], count: int) -> Reply:
        if broken["yes"] and "Q: 5?" in body["prompt"]:
            return 500, {"error": "broken"}
        return completion(body, length)

    with running(breaks) as server:
        with pytest.raises(DatasetError, match="no server answers"):
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
