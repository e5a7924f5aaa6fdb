"""Every preset gives a graph with valid parameters and a forecast; `paper` runs end to end on tiny models."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from kedro.framework.startup import bootstrap_project
from transformers import AutoConfig, AutoModelForCausalLM

from lmsi_kedro.commands import main
from lmsi_kedro.datasets.question_file import QuestionFile
from lmsi_kedro.mini_world.pretraining import train_tokenizer
from lmsi_kedro.params import EvaluationParams, PublicTasksParams
from lmsi_kedro.pipelines.public_tasks.nodes import join_benchmarks, read_benchmark
from lmsi_kedro.tasks.benchmarks import BENCHMARKS
from tests.contexts import project_context
from tests.runs import metrics_of, world_rows
from tests.tasks.hub_rows import HUB

ROOT = Path(__file__).parents[1]
ROWS = 10
SMALL = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
    "intermediate_size": 48, "max_position_embeddings": 8192, "initializer_range": 0.2,
    "bos_token_id": None, "eos_token_id": 0, "pad_token_id": 0,
}  # fmt: skip
MODELS: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen3": {},
    "gemma3_text": {"sliding_window": 64, "query_pre_attn_scalar": 16},
}


def model(kind: str, folder: Path) -> Path:
    tokenizer = train_tokenizer(seed=1, sample=500)
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, vocab_size=len(tokenizer), **SMALL, **MODELS[kind])
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def questions(folder: Path) -> Path:
    """A question file with ten rows of every split of every benchmark, converted from the hub's format."""
    field = {"gsm8k": "question", "svamp": "Body", "drop_football": "passage", "drop_other": "passage",
             "openbookqa": "question_stem", "rte": "sentence1", "arc_challenge": "question", "aqua": "question",
             "strategyqa": "question"}  # fmt: skip
    params = PublicTasksParams(names=list(BENCHMARKS), rows_per_split=ROWS)
    tables = []
    for name in BENCHMARKS:
        asked = field.get(name, "premise")
        hub = {
            split: [r | {asked: f"{r[asked]} ({n})"} for n in range(ROWS) for r in rows]
            for split, rows in HUB[name].items()
        }
        tables.append(read_benchmark(hub, params, name))
    path = folder / "questions.jsonl"
    QuestionFile(filepath=str(path), problems=str(folder / "x.csv")).save(join_benchmarks(*tables))
    return path


@pytest.mark.parametrize(
    "env",
    ["base", "smoke", "full", "paper", "gpu", "cluster", "rising_threshold", "real", "real_quick"],
)
def test_a_preset_gives_a_graph_and_valid_parameters(env: str, tmp_path: Path) -> None:
    from kedro.framework.project import pipelines

    bootstrap_project(ROOT)
    given = {"model": str(ROOT / "data/06_models/base"), "data_root": str(tmp_path)}
    with project_context(env, **given) as context:
        loop = pipelines["self_improve"]
        names = {name for name in loop.datasets() if not name.startswith("param")}
        catalog = context.catalog
        assert not {name for name in names if name not in catalog}
        parameters = context.params
        needed = {
            name.removeprefix("params:") for name in loop.inputs() if name.startswith("params:")
        }
        assert needed <= set(parameters)
        assert not isinstance(parameters["training"], dict)
        if env == "paper":
            assert (parameters["paths"].m, parameters["training"].steps) == (32, 10_000)
            assert parameters["paths"].sampling.temperature == 0.7
            assert parameters["evaluation"].raised_temperature == 1.2
        if env in ("real", "real_quick"):
            assert parameters["mixing"].formats == ["zero_shot_cot"]
        if env == "cluster":
            assert parameters["engine"].executor == "ray"
            assert parameters["training"].hostfile


@pytest.mark.parametrize(
    ("env", "given", "m", "tokens", "voted"),
    [("base", {}, 8, "auto", 100), ("full", {}, 16, "auto", 400), ("gpu", {}, 8, 512, 100),
     ("paper", {}, 32, 256, 100), ("cluster", {}, 8, 512, 100), ("smoke", {}, 4, "auto", 8),
     ("gpu", {"evaluation": {"m": 3}, "reproduction_evaluation": {"voted_questions": 7}}, 3, 512, 7),
     ("full", {"evaluation": {"m": 3, "max_new_tokens": 8}}, 3, 8, 400)],
)  # fmt: skip
def test_reproduction_evaluation_follows_its_preset(
    env: str, given: dict[str, Any], m: int, tokens: int | str, voted: int
) -> None:
    """It differs from `evaluation` only in the modes and the numbers of questions."""
    bootstrap_project(ROOT)
    with project_context(env, **given) as context:
        parameters = context.params
    asked, usual = parameters["reproduction_evaluation"], parameters["evaluation"]
    assert (asked.m, asked.max_new_tokens, asked.voted_questions) == (m, tokens, voted)
    assert asked.modes == ["standard", "cot_greedy", "self_consistency"]
    assert asked.greedy_questions == (12 if env == "smoke" else 400)
    own = {"modes", "greedy_questions", "voted_questions"}
    assert asked.model_dump(exclude=own) == usual.model_dump(exclude=own)


@pytest.mark.parametrize("env", ["base", "full", "paper"])
def test_every_reproduction_evaluation_key_can_be_given(env: str) -> None:
    given = {
        "modes": ["standard"], "greedy_questions": 5, "voted_questions": 6, "m": 7, "temperature": 0.8,
        "raised_temperature": 1.1, "max_new_tokens": 9, "label_precision": 0.5, "seed": 10,
    }  # fmt: skip
    assert set(given) == set(EvaluationParams.model_fields)
    bootstrap_project(ROOT)
    with project_context(env, reproduction_evaluation=given) as context:
        parameters = context.params
    assert parameters["reproduction_evaluation"].model_dump() == given
    assert parameters["evaluation"].seed == 2


@pytest.mark.parametrize(
    "env", ["cluster", *(pytest.param(env, marks=pytest.mark.slow) for env in ("paper", "gpu"))]
)
def test_a_preset_has_a_forecast(
    env: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    given = f"model={model('llama', tmp_path / 'm')},questions={questions(tmp_path)},data_root={tmp_path}"
    given += ",engine.paths_per_chunk=8,paths.sampling.max_new_tokens=16"
    assert main(["forecast", f"--env={env}", f"--params={given}", "--seconds=1"]) == 0
    said = capsys.readouterr().out
    m = {"paper": 32, "gpu": 16, "cluster": 32}[env]
    unlabeled = pl.read_ndjson(tmp_path / "questions.jsonl").filter(split="unlabeled").height
    assert f"sampling: {unlabeled * m:,} paths to learn from" in said
    assert "in all about " in said


SIZES = {
    "paths__m": 2,
    "paths__questions_per_task": 4,
    "paths__sampling__max_new_tokens": 48,
    "engine__paths_per_chunk": 16,
    "training__checkpoint_every": 2,
    "evaluation__greedy_questions": 3,
    "evaluation__voted_questions": 2,
    "evaluation__m": 2,
    "evaluation__max_new_tokens": 48,
    "monitor__questions_per_task": 2,
    "monitor__m": 2,
}


@pytest.mark.slow
@pytest.mark.parametrize("env", ["base", "full", "paper", "gpu", "cluster", "rising_threshold"])
def test_a_preset_runs(env: str, tmp_path: Path) -> None:
    """Presets run on a CPU with smaller sizes; Ray starts the cluster on this machine, which also trains."""
    here = {"engine__ray_address": "null", "training__hostfile": "null"} if env == "cluster" else {}
    metrics = metrics_of(tmp_path, world_rows(), env=env, **SIZES, **here)
    assert metrics["headline"]["n"] == 3 * 4
    assert len(metrics["rounds"]) == (2 if env == "rising_threshold" else 1)
    asked = metrics["rounds"][0]["tasks"]["mini_gsm"]
    assert ("self_consistency_raised" in asked) is (env in ("full", "paper"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(MODELS))
def test_the_paper_preset_runs_end_to_end(kind: str, tmp_path: Path) -> None:
    """It has all tasks and formats; random models announce no answers, so the last number or letter counts."""
    given = {
        "model": model(kind, tmp_path / "model"),
        "questions": questions(tmp_path),
        "data_root": tmp_path / "data",
        "paths.m": 3,
        "paths.sampling.max_new_tokens": 24,
        "engine.paths_per_chunk": 32,
        "engine.workers": 2,
        "engine.dtype": "float32",
        "voting.rule": "trigger_or_last",
        "voting.ties": "logprob",
        "training.steps": 2,
        "training.batch_size": 8,
        "training.precision": "float32",
        "training.checkpoint_every": 2,
        "evaluation.m": 2,
        "evaluation.max_new_tokens": 16,
        "evaluation.greedy_questions": 3,
        "evaluation.voted_questions": 2,
        "monitor.questions_per_task": 2,
        "monitor.m": 2,
    }
    params = ",".join(f"{name}={value}" for name, value in given.items())
    command = [sys.executable, "-m", "kedro", "run", "--env=paper", "--pipelines=self_improve"]
    done = subprocess.run(
        [*command, f"--params={params}"], cwd=ROOT, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    metrics = json.loads((tmp_path / "data/08_reporting/metrics.json").read_text())
    assert set(metrics["rounds"][0]["tasks"]) == set(BENCHMARKS)
    modes = metrics["rounds"][0]["tasks"]["gsm8k"]
    assert list(modes) == ["standard", "cot_greedy", "self_consistency", "self_consistency_raised"]
    examples = pl.read_parquet(tmp_path / "data/05_examples/examples_1.parquet")
    assert examples["format"].n_unique() == 4
