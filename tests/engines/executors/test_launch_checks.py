"""Problems that would keep launched servers from starting are reported before anything is sampled."""

import json
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from lmsi_kedro.engines.executors import launch
from lmsi_kedro.engines.server import launched
from lmsi_kedro.params import LaunchParams
from tests.engines.launching import LLAMA, MODEL, VLLM, engine


def test_more_servers_than_gpus_are_refused() -> None:
    assert launch.shares(["0", "1", "2"], 2) == [["0"], ["1"]]
    assert launch.shares([], 2) == [[], []]
    with pytest.raises(ValueError, match=r"workers=4 needs 4 GPUs, one per server, but only 3 are"):
        launch.shares(["0", "1", "2"], 4)


def test_quoted_program_is_found(tmp_path: Path) -> None:
    program = tmp_path / "my servers" / "serve"
    program.parent.mkdir()
    program.symlink_to(sys.executable)
    quoted = engine(tmp_path, server=f"'{program}' {{model}} {{port}}")
    launch.check_launch(quoted)
    program.unlink()
    with pytest.raises(ValueError, match=f"the program {program} is not installed"):
        launch.check_launch(quoted)


def test_options_may_have_braces() -> None:
    params = LaunchParams(server="vllm", options="""--hf-overrides '{"a": {}}'""", folder="x")
    assert launched.filled("""{"a": {port}}""", {"port": "5"}) == """{"a": 5}"""
    assert params.command.endswith("""--tensor-parallel-size {gpus} --hf-overrides '{"a": {}}'""")


@pytest.mark.parametrize(
    "secret",
    ["--api-key hunter2", "--api-key=hunter2", "--hf-token hunter2", "--admin_api_key hunter2", "-hft hunter2",
     "--ssl-keyfile-password 'hunter2", "--dtype auto --auth-token='hunter2'"],
)  # fmt: skip
def test_options_with_secrets_are_refused_without_quoting_them(secret: str) -> None:
    for given in ({"options": secret}, {"server": f"my-server {{model}} {{port}} {secret}"}):
        with pytest.raises(
            ValidationError, match=r"engine\.launch: -.*variable .*HF_TOKEN"
        ) as refused:
            LaunchParams.model_validate({"server": "vllm", "folder": "x"} | given)
        assert "hunter2" not in str(refused.value)


def test_variable_with_a_secret_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"engine\.launch: HF_TOKEN would be stored"):
        LaunchParams(server="env HF_TOKEN=hunter2 vllm serve {model} --port {port}", folder="x")


def test_options_mentioning_tokens_are_accepted() -> None:
    options = (
        "--max-num-batched-tokens 8192 --tokenizer x --skip-tokenizer-init --api-key-file keys "
        "--return-tokens-as-token-ids"
    )
    assert options in LaunchParams(server="vllm", options=options, folder="x").command


def test_idle_gpus_cause_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(launch, "visible_gpus", lambda: [*"01234567"])
    launch.check_launch(engine(tmp_path, workers=4))
    assert not caplog.records
    launch.check_launch(engine(tmp_path, workers=3))
    assert "engine.workers=3 leaves 2 of 8 GPUs idle: set it to a divisor of 8" in caplog.text


@pytest.mark.parametrize(
    ("package", "extra", "server"), [("openai", "server", VLLM), ("gguf", "gguf", LLAMA)]
)
def test_missing_package_is_named_with_its_extra(
    package: str, extra: str, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = engine(tmp_path, server=server)
    launch.check_launch(wanted)
    monkeypatch.setattr(launch, "find_spec", lambda name: None if name == package else name)
    with pytest.raises(ValueError, match=rf"{package}: pip install 'lmsi-kedro\[{extra}\]'"):
        launch.check_launch(wanted)


def test_model_without_gguf_support_is_refused(tmp_path: Path) -> None:
    config = json.loads((MODEL / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": "qwen2"}))
    launch.check_model(tmp_path, engine(tmp_path, server=VLLM))
    launch.check_model(MODEL, engine(tmp_path, server=LLAMA))
    with pytest.raises(ValueError, match="this is qwen2; use"):
        launch.check_model(tmp_path, engine(tmp_path, server=LLAMA))
