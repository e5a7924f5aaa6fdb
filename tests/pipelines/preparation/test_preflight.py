"""Problems that would stop a run in the middle are reported before it begins, together with what to change."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from transformers import AutoConfig

from lmsi_kedro import schemas
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.capacity import demand
from lmsi_kedro.engines.server.faults import ServerError
from lmsi_kedro.params import (
    EngineParams,
    EvaluationParams,
    LaunchParams,
    PathParams,
    Sampling,
    ServerParams,
    TrainingParams,
)
from lmsi_kedro.pipelines.preparation import machine
from lmsi_kedro.pipelines.preparation.preflight import check_model
from lmsi_kedro.tasks import Task, Tasks
from lmsi_kedro.training import TrainingError
from tests.engines.fake_server import running
from tests.kernels.instruction_sets import select
from tests.training.jobs import PARAMS

BASE = Path(__file__).parents[3] / "data" / "06_models" / "base"
PATHS = PathParams(
    m=2,
    questions_per_task=5,
    sampling=Sampling(temperature=0.7, max_new_tokens=96, seed=1),
)
EVALUATION = EvaluationParams(
    modes=["cot_greedy"], greedy_questions=5, voted_questions=5, m=2,
    temperature=0.7, raised_temperature=1.2, label_precision=0.9, max_new_tokens=64, seed=1,
)  # fmt: skip
ENGINE = EngineParams(
    executor="processes", ray_address=None, workers=2, dtype="float32", paths_per_chunk=64, rows=64, chat="auto",
    trust_remote_code=False, skip_too_long=False,
)  # fmt: skip
TRAINING = TrainingParams(**PARAMS)
TASKS = Tasks({"mini": Task(kind="number")})


def questions(*texts: str) -> pl.DataFrame:
    rows = [(f"q{i}", "mini", "unlabeled", text, None, None) for i, text in enumerate(texts)]
    return pl.DataFrame(rows, schema=schemas.QUESTIONS, orient="row")


def check(
    table: pl.DataFrame, model: Path = BASE, tasks: Tasks = TASKS,
    exemplars: pl.DataFrame | None = None, **changed: Any,
) -> Any:  # fmt: skip
    engine = ENGINE.model_copy(update=changed)
    shots = schemas.empty(schemas.EXEMPLARS) if exemplars is None else exemplars
    of = Model.at(model)
    fitting, found = check_model(table, shots, of, tasks, PATHS, EVALUATION, TRAINING, engine)
    return machine.check_machine(fitting, found, of, engine)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BASE, tmp_path / "model"))


def test_a_good_model_passes_and_is_described() -> None:
    asked = questions("Finn has 3 pens. How many?", "Ana has 4 pens and 5 caps. How many?")
    fitting, found = check(asked)
    assert fitting.equals(asked)
    assert found["context"] == 1024
    assert found["skipped_too_long"] == 0
    assert 10 < found["longest_prompt"] < 60
    assert found["chat"] is False
    weights = (BASE / "model.safetensors").stat().st_size
    assert found["memory_gib"] >= round(2 * weights / 2**30, 2)


def test_int8_needs_a_model_that_supports_it(model: Path) -> None:
    _, found = check(questions("Finn has 3 pens. How many?"), model, dtype="int8")
    assert found["dtype"] == "int8"
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "hidden_act": "gelu"}))
    with pytest.raises(ValueError, match=r"int8 does not support this model .*; set engine\.dtype"):
        check(questions("Finn has 3 pens. How many?"), model, dtype="int8")


@pytest.mark.parametrize(("isa", "warned"), [("scalar", 1), ("avx2", 0)])
def test_slow_int8_is_warned_of(
    isa: str, warned: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    select(isa, monkeypatch)
    check(questions("Finn has 3 pens. How many?"), dtype="int8")
    check(questions("Finn has 3 pens. How many?"), dtype="float32")
    assert caplog.text.count("int8 is slower than float32") == warned


def test_questions_beyond_context_are_named_or_skipped() -> None:
    long = "How many pens has Finn? " * 300
    with pytest.raises(
        ValueError,
        match=r"1 question does not fit .* 1024 tokens .*: q1 \(\d+ tokens\)\. Leave",
    ):
        check(questions("Short?", long))
    many = [f"{long} {'Really? ' * i}" for i in range(7)]
    with pytest.raises(
        ValueError, match=r"7 .*: q6 \(\d+ tokens\), q5 .*, q4 .*, q3 .*, q2 .* and 2 more\. Leave"
    ):
        check(questions(*many))
    fitting, found = check(questions("Short?", long), skip_too_long=True)
    assert fitting["question_id"].to_list() == ["q0"]
    assert found["skipped_too_long"] == 1


def test_a_question_that_just_fits_is_kept() -> None:
    """Length is counted in tokens, not in characters."""
    text = "pens " * 400
    fitting, _ = check(questions(text))
    assert fitting.height == 1
    assert len(text) > 1024


def test_longest_exemplar_set_must_fit_the_context() -> None:
    """The paths of a question are spread over all exemplar sets."""
    exemplars = pl.DataFrame(
        [(f"mini/{n}", "3 + 4?", None, None, "3 + 4 = 7. " * 20**n, "7") for n in (0, 1, 2)],
        schema=schemas.EXEMPLARS,
        orient="row",
    )
    tasks = Tasks({"mini": Task(kind="number", exemplar_set="mini")})
    with pytest.raises(ValueError, match=r"1 question does not fit .*: q0 \(\d+ tokens\)"):
        check(questions("Short?"), tasks=tasks, exemplars=exemplars)
    _, found = check(questions("Short?"), tasks=tasks, exemplars=exemplars.head(2))
    assert 60 < found["longest_prompt"] < 600


def test_a_model_without_an_end_token_is_refused(model: Path) -> None:
    config = json.loads((model / "tokenizer_config.json").read_text())
    config.pop("eos_token")
    (model / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="has no end token, so no path could stop: set eos_token"):
        check(questions("How many?"), model)


def test_vocabulary_smaller_than_the_tokenizers_is_refused(model: Path) -> None:
    """A larger vocabulary is padded, like Qwen's, and its ids without a token are never sampled."""
    config = json.loads((model / "config.json").read_text())
    for embedded in (800, 832):
        (model / "config.json").write_text(json.dumps({**config, "vocab_size": embedded}))
        check(questions("How many?"), model)
    (model / "config.json").write_text(json.dumps({**config, "vocab_size": 799}))
    with pytest.raises(TrainingError, match=r"tokenizer has 800 tokens, .* vocab_size 799"):
        check(questions("How many?"), model)


def test_damaged_weights_are_named_before_sampling(model: Path) -> None:
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged, fetch it again"):
        check(questions("How many?"), model)


def test_insufficient_memory_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is an error if not even one row fits; otherwise there is a warning, since fewer rows may suffice."""
    monkeypatch.setattr(machine, "gpus", lambda: 0)
    one = demand(BASE, ENGINE, 1, 20, 96)
    for free, executor, said in [
        (2 * one.of(4096) + (1 << 30), "processes", ""),
        (2 * one.of(1) + (1 << 20), "processes", r"may need .* GiB of memory.*lower engine\.rows"),
        (2 * one.fixed, "ray", ""),
    ]:
        monkeypatch.setattr(machine, "available_memory", lambda free=free: free)
        caplog.clear()
        _, found = check(questions("How many?"), rows=4096, executor=executor)
        assert found["memory_gib"] > 1
        warned = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
        assert re.search(said, warned[0]) if said else not warned
    monkeypatch.setattr(machine, "available_memory", lambda: 2 * one.fixed)
    with pytest.raises(
        ValueError, match=r"one path per worker .* GiB of memory.*lower engine\.workers"
    ):
        check(questions("How many?"), rows=4096)


def test_forecast_ignores_questions_that_are_left_out() -> None:
    long = "How many pens has Finn? " * 300
    _, found = check(questions("Short?", long), skip_too_long=True)
    _, alone = check(questions("Short?"))
    assert found["longest_prompt"] == alone["longest_prompt"]
    assert found["memory_gib"] == alone["memory_gib"]


def test_a_gpt2_configuration_is_read(model: Path) -> None:
    """GPT-2 uses other names for the context and all sizes."""
    AutoConfig.for_model("gpt2", n_positions=300, n_embd=96, n_head=4).save_pretrained(model)
    _, found = check(questions("How many?"), model)
    assert found["context"] == 300
    assert found["memory_gib"] > 1


def test_forecast_is_the_memory_of_all_workers() -> None:
    """If the number of rows is not given, the forecast is made for the chosen number."""
    one = demand(BASE, ENGINE, 30, 20, 50)
    assert machine.memory(BASE, ENGINE, 30, 20, 50) == 2 * one.of(64)
    chosen = ENGINE.model_copy(update={"rows": None})
    assert machine.memory(BASE, chosen, 30, 20, 50) == 2 * one.of(64), "all rows of a chunk fit"


def test_servers_must_answer_and_serve_the_model() -> None:
    with running(lambda body, count: (500, {})) as up:
        server = ServerParams(urls=[up.url], model="served", revision="sha256:00000000", retries=0)
        _, found = check(questions("Short?"), executor="server", server=server)
        assert "does not promise the same bytes" in found["guarantee"]
        assert found["memory_gib"] == 0
        other = server.model_copy(update={"model": "other"})
        with pytest.raises(
            ValueError, match=r"engine\.server\.model is 'other', but .* serves served"
        ):
            check(questions("Short?"), executor="server", server=other)
    with pytest.raises(
        ServerError, match=r"engine\.server\.urls: http\S+ Connection error\. Start that server"
    ):
        check(questions("Short?"), executor="server", server=server)


def test_llama_cpp_model_must_be_convertible_to_gguf(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lmsi_kedro.engines.executors import launch

    monkeypatch.setattr(launch, "check_launch", lambda engine: None)
    servers = LaunchParams(server="llama.cpp", folder="servers")
    assert check(questions("Why?"), executor="launch", launch=servers)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}))
    with pytest.raises(ValueError, match="only plain Llama-type models can be converted to GGUF"):
        check(questions("Why?"), model, executor="launch", launch=servers)
