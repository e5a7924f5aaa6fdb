"""`lmsi try` samples the paths that a run would sample, compares two models, and names mistakes."""

from pathlib import Path

import polars as pl
import pytest

from lmsi_kedro.commands import main
from lmsi_kedro.commands.project import configured, model_named
from lmsi_kedro.commands.try_model.asking import question_in_run
from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine
from tests.models import tiny_model

ROOT = Path(__file__).parents[2]
QUESTION = "Tom has 3 pens. He buys 2 boxes of 4 pens. How many pens does Tom have?"


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_streamed_paths_equal_those_of_a_chunk(tmp_path: Path) -> None:
    """Paths are yielded as they end; together they equal the paths that are sampled in one chunk."""
    import torch

    given = f"data_root={tmp_path},engine.dtype=float32,paths.m=6,paths.sampling.max_new_tokens=40"
    with configured("base", given) as (catalog, params):
        asked = question_in_run("mini_gsm", QUESTION, None, None, catalog, params)
        model = model_named("base_model", catalog)
        tables = list(asked.sample(model, params))
        sampling = params["paths"].sampling.of(model)
    assert len(tables) > 1
    lengths = [max(table["tokens"]) for table in tables]
    assert lengths == sorted(lengths)
    engine = LocalEngine(model.path, torch.float32, rows=6)
    request = Request(asked.questions["question_id"][0], asked.prompt, range(6))
    whole = engine.sample([request], sampling)
    assert pl.concat(tables).sort("path").equals(whole)


def test_int8_weights_give_other_paths(tmp_path: Path) -> None:
    texts = []
    for dtype in ("int8", "bfloat16"):
        given = f"data_root={tmp_path},engine.dtype={dtype},paths.m=16"
        with configured("base", given) as (catalog, params):
            asked = question_in_run("mini_gsm", QUESTION, None, None, catalog, params)
            tables = asked.sample(model_named("base_model", catalog), params)
            texts.append(pl.concat(tables).sort("path")["text"].to_list())
    assert len(texts[0]) == len(texts[1]) == 16
    assert texts[0] != texts[1]


def test_two_models_are_shown_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tiny_model(tmp_path / "other")
    params = f"--params=data_root={tmp_path},paths.m=2,paths.sampling.max_new_tokens=48"
    given = ["try", "base_model", QUESTION, "--against", str(other), "--task", "mini_gsm"]
    assert main([*given, params]) == 0
    first, *lines, one, two = capsys.readouterr().out.splitlines()
    assert first.split(" | ")[0].strip() == "base_model"
    assert all(" | " in line or line.endswith(" |") for line in lines)
    assert sum(line.startswith("path ") for line in lines) == 2
    assert one.startswith("base_model: ")
    assert two.startswith(f"{other}: ")
    assert "of 2 paths (confidence" in one or "no winner" in one


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            ["base_model", "Which?", "--task", "mini_arx"],
            "--task: there is no mini_arx; did you mean mini_arc",
        ),
        (["base_model", "Which?", "--task", "mini_arc"], "give its options, --choices TEXT TEXT"),
        (["/nowhere/model", "How many?"], "/nowhere/model is not a model"),
    ],
)
def test_mistakes_are_one_line_errors(
    given: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["try", *given, f"--params=data_root={tmp_path}"]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_winning_option_is_shown_with_its_text(tmp_path: Path) -> None:
    from lmsi_kedro.commands.try_model.columns import vote

    choices = ["a fish", "a whale"]
    with configured("base", f"data_root={tmp_path}") as (catalog, params):
        asked = question_in_run(None, "Which is a mammal?", None, choices, catalog, params)
        voting = params["voting"]
    assert "Answer Choices: (A) a fish (B) a whale" in asked.prompt
    paths = pl.DataFrame(
        {
            "question_id": asked.questions["question_id"][0],
            "path": pl.Series([0, 1, 2], dtype=pl.Int32),
            "text": ["The answer is (B).", "The answer is (B).", "I do not know."],
            "tokens": pl.Series([5, 5, 5], dtype=pl.Int32),
            "logprob": [-1.0, -1.0, -1.0],
            "finish": "stop",
        }
    )
    read = asked.read(paths, voting)
    assert vote(read, asked, voting) == "B, with 2 of 3 paths (confidence 0.67): a whale"
    assert vote(read[2:], asked, voting) == "no winner, no path has an answer"
