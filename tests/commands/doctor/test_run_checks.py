"""The checks of a configured run, and the command that prints them."""

import json
from pathlib import Path
from typing import Any

import pytest

from lmsi_kedro.commands import main
from lmsi_kedro.commands.doctor import run as checks
from lmsi_kedro.commands.doctor.finding import Finding
from lmsi_kedro.commands.doctor.run import room
from lmsi_kedro.commands.project import configured
from lmsi_kedro.datasets.model_directory import Model
from tests.models import tiny_model

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def params(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(ROOT)
    with configured("base", "") as (_, given):
        return given


def test_healthy_project_passes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["doctor", "--seconds=0.1"]) == 0
    said = capsys.readouterr().out
    assert "FAIL" not in said
    for check in ("packages", "model", "end token", "questions", "training", "forecast", "disk"):
        assert f"ok    {check}: " in said
    assert "in all about " in said


def test_missing_model_is_reported_without_follow_up_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["doctor", f"--params=model={tmp_path}"]) == 1
    captured = capsys.readouterr()
    assert f"FAIL  model: {tmp_path} is not a model: config.json" in captured.out
    assert "end token" not in captured.out
    assert "1 of the checks" in captured.err


def test_end_token_missing_from_generation_config_is_reported(
    model: Path, params: dict[str, Any], tmp_path: Path
) -> None:
    found = checks.attempt("end token", lambda: checks.end_of(Model.at(model), params["engine"]))
    assert found.is_well
    for file in model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = tmp_path / "generation_config.json"
    config.write_text(json.dumps({"eos_token_id": [7, 9]}))
    found = checks.attempt("end token", lambda: checks.end_of(Model.at(tmp_path), params["engine"]))
    assert "add 0 to eos_token_id in generation_config.json" in str(found)


def test_unreachable_server_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No server listens on port 9 of this machine."""
    monkeypatch.chdir(ROOT)
    server = "urls=http://127.0.0.1:9/v1,model=m,revision=sha256:00000000,retries=0"
    params = ",".join(f"engine.server.{each}" for each in server.split(","))
    assert main(["doctor", f"--params=engine.executor=server,{params}"]) == 1
    captured = capsys.readouterr()
    assert (
        "FAIL  questions: engine.server.urls: http://127.0.0.1:9/v1/ Connection error"
        in captured.out
    )
    assert "Start that server, or correct its url" in captured.out
    assert "1 of the checks" in captured.err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lora": {"rank": 4, "targets": ["no_proj"]}}, "no linear module"),
        ({"batch_size": 3}, "batch_size 3 is less than"),
        ({}, "2 processes, ZeRO-2 keeps about"),
    ],
)
def test_training_errors_are_found_before_the_run(
    model: Path, params: dict[str, Any], changes: dict[str, Any], said: str
) -> None:
    training = params["training"]
    given = type(training)(**{**training.model_dump(), **changes})
    run = lambda: checks.training_of(Model.at(model), given, params["engine"])  # noqa: E731
    found = checks.attempt("training", run)
    assert said in found.result
    assert found.is_well == (not changes)


def test_training_beyond_memory_is_reported(
    model: Path, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "available_memory", lambda: 1000)
    found = checks.training_of(Model.at(model), params["training"], params["engine"])
    assert "train with lora, offload" in str(found)


def test_unreachable_hosts_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hosts").write_text("one slots=2\ntwo slots=2\n")

    def find() -> Finding:
        return checks.attempt("hosts", lambda: checks.hosts_of(tmp_path / "hosts"))

    monkeypatch.setenv("PATH", str(tmp_path))
    assert "needs ssh" in find().result
    for name in ("ssh", "pdsh"):
        program = tmp_path / name
        program.write_text('#!/bin/sh\ncase "$*" in *two*) exit 255;; esac\n')
        program.chmod(0o755)
    assert "two does not answer" in find().result
    (tmp_path / "ssh").write_text("#!/bin/sh\n")
    assert find().result == "2 answer, 4 slots"


def test_full_disk_is_reported(tmp_path: Path) -> None:
    assert room(tmp_path / "not" / "yet", 0.001).is_well
    assert "data_root" in str(room(tmp_path, 1e9))
