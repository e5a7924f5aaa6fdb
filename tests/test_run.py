"""A small run of the loop on the embedded model is killed, resumed, and shown in notebooks and in Kedro-Viz."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lmsi_kedro.commands import main
from lmsi_kedro.commands.dry_run import dry_run, work_of
from lmsi_kedro.commands.forecast.work import count
from lmsi_kedro.commands.project import configured
from lmsi_kedro.datasets.model_directory import Model
from tests.models import tiny_model
from tests.notebooks import executed
from tests.runs import ROOT, chunks, data_root, run, world_rows

IN_DOMAIN = ("mini_gsm", "mini_arc", "mini_drop", "mini_nli")
RUN = [sys.executable, "-m", "kedro", "run", "--pipelines=self_improve", "--env=smoke"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a run that was killed while it sampled, and started again."""
    data = data_root(tmp_path_factory.mktemp("data"))
    command = [*RUN, f"--params=data_root={data},engine.paths_per_chunk=16"]
    first = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
    while len(chunks(data)) < 3:
        assert first.poll() is None, "the run ended before it could be killed"
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    time.sleep(1.5)  # orphaned workers notice within half a second
    written = chunks(data)
    subprocess.run(command, cwd=ROOT, check=True, timeout=400)
    kept = {name: stamp for name, stamp in chunks(data).items() if name in written}
    assert kept == written, "chunks of the killed run were sampled again"
    return data


def test_the_report_and_its_numbers(data: Path) -> None:
    metrics = json.loads((data / "08_reporting" / "metrics.json").read_text())
    wanted = {"before", "after", "delta", "p_value", "n", "improved", "beats_controls"}
    assert wanted <= set(metrics["headline"])
    assert metrics["headline"]["n"] == 12 * len(IN_DOMAIN)
    for task in (*IN_DOMAIN, "mini_svamp", "mini_strategy"):
        for mode, n in (("standard", 12), ("cot_greedy", 12), ("self_consistency", 8)):
            for side in ("before", "after"):
                numbers = metrics["rounds"][0]["tasks"][task][mode][side]
                assert numbers["low"] <= numbers["accuracy"] <= numbers["high"]
                assert numbers["n"] == n
    page = (data / "08_reporting" / "report.html").read_text()
    assert "mini_arc" in page
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=\"https?:", page)


def test_run_ends_with_a_usable_model(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The card is in the model's directory but not in its digest; the two printed lines load the model."""
    model = data / "06_models" / "model_1"
    card = (model / "README.md").read_text()
    assert f"digest: sha256:{Model.at(model).digest}" in card
    assert main(["report", f"--params=data_root={data}"]) == 0
    *_, directory, first, second = capsys.readouterr().out.splitlines()
    assert directory == f"model   {model}"
    loaded: dict[str, Any] = {}
    exec("\n".join([first.strip(), second.strip()]), loaded)
    (made,) = loaded["generate"]("Q: How many?\nA:", max_new_tokens=2, do_sample=False)
    assert made["generated_text"].startswith("Q: How many?")


def test_the_report_states_the_parameters_of_the_run(data: Path, tmp_path: Path) -> None:
    """If another command makes the report again, its parameters are not used."""
    copy = tmp_path / "data"
    models = shutil.ignore_patterns("03_paths", "jobs", "base*", "candidate_*", "model_*")
    shutil.copytree(data, copy, ignore=models)
    for made_again in ("metrics.json", "report.html"):
        (copy / "08_reporting" / made_again).unlink()
    changed = "paths.m=999,guard=probe,evaluation.label_precision=0.8,model=elsewhere"
    command = [sys.executable, "-m", "kedro", "run", "--pipelines=reporting", "--env=smoke"]
    subprocess.run([*command, f"--params=data_root={copy},{changed}"], cwd=ROOT, check=True)
    for name in ("metrics.json", "report.html"):
        made = (copy / "08_reporting" / name).read_bytes()
        assert made == (data / "08_reporting" / name).read_bytes(), name
    record = json.loads((copy / "08_reporting" / "run.json").read_text())
    assert record["command"].startswith("kedro run --pipelines=self_improve --env=smoke")
    assert record["models"]["before"]["digest"] == Model.at(ROOT / "data/06_models/base").digest
    assert record["parameters"]["paths"]["m"] != 999
    assert sum(record["seconds"].values()) > 0
    assert 0 < record["sharing"]["computed"] < record["sharing"]["prompt_tokens"] / 4


def test_training_examples_come_from_unlabeled_in_domain_questions(data: Path) -> None:
    """The examples have all four formats; the random arm has as many examples per question as the vote."""
    examples = pl.read_parquet(data / "05_examples" / "examples_1.parquet")
    questions = pl.read_parquet(data / "02_intermediate" / "questions.parquet")
    asked = examples.join(questions, on="question_id")
    assert set(asked["split"]) == {"unlabeled"}
    assert set(asked["task"]) <= set(IN_DOMAIN)
    assert examples["format"].n_unique() == 4
    random = pl.read_parquet(data / "05_examples" / "examples_random.parquet")
    counts = [
        t.filter(format="zero_shot_cot").group_by("question_id").len() for t in (examples, random)
    ]
    assert counts[0].sort("question_id").equals(counts[1].sort("question_id"))


def test_the_forecast_counts_what_was_sampled(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kedro.framework.project import pipelines

    monkeypatch.chdir(ROOT)
    with configured("smoke", f"data_root={data}") as (catalog, _):
        nodes = work_of(pipelines["self_improve"])
        counted = count(nodes, dry_run(nodes, catalog))
    sampled = sum(
        pl.read_parquet(path, columns=["path"]).height for path in map(Path, chunks(data))
    )
    assert counted.paths + counted.other_paths == sampled


def test_an_example_is_explained(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`lmsi explain` shows the example's path, the votes on its question, its prompt, and the sampling model."""
    example = pl.read_parquet(data / "05_examples" / "examples_1.parquet").filter(
        format="zero_shot_cot"
    )
    row = example.row(0, named=True)
    given = ["--env=smoke", f"--params=data_root={data}"]
    assert main(["explain", row["example_id"], *given]) == 0
    said = capsys.readouterr().out
    answers = pl.read_parquet(data / "04_votes" / "round_1" / "answers.parquet")
    mine = answers.filter(question_id=row["question_id"])
    taught = mine.filter(path=row["path"])["key"][0]
    assert f"example {row['example_id']}: arm vote of round 1, format zero_shot_cot" in said
    assert f"votes of round 1: {taught} with " in said
    assert f"-> path {row['path']}: {taught}, agrees" in said
    assert said.count("path ") - said.count("-> path") >= mine.height - 1
    assert row["target"].strip() in said
    assert "prompt, exemplars mini_" in said
    assert Model.at(ROOT / "data" / "06_models" / "base").digest in said
    assert main(["explain", row["question_id"], *given]) == 0
    assert "votes of round 1" in capsys.readouterr().out
    questions = pl.read_parquet(data / "02_intermediate" / "questions.parquet")
    held_out = questions.filter(split="held_out")["question_id"][0]
    assert main(["explain", held_out, *given]) == 0
    assert "no path of this question was sampled for training" in capsys.readouterr().out
    predictions = pl.read_parquet(data / "07_evaluation" / "predictions_1.parquet")
    voted = predictions.filter(mode="self_consistency").row(0, named=True)
    assert main(["explain", voted["question_id"], *given]) == 0
    said = capsys.readouterr().out
    assert "\naccepted: " in said
    before, after = said.split("answers of model_1\n")
    assert "answers of the model before round 1\n" in before
    right = "right" if voted["correct"] else "wrong"
    assert f"  self-consistency: {voted['key'] or 'no answer'}, {right}: " in after
    assert main(["explain", "nobody", *given]) == 1
    assert "'nobody' is not an example of rounds [1]" in capsys.readouterr().err


def test_steps_never_use_results_of_other_parameters(data: Path, tmp_path: Path) -> None:
    other = tmp_path / "data"
    shutil.copytree(data, other)
    votes = (other / "04_votes/round_1/votes.parquet").read_bytes()
    command = [sys.executable, "-m", "kedro", "run", "--env=smoke"]
    options: dict[str, Any] = {"cwd": ROOT, "text": True, "capture_output": True, "timeout": 200}
    given = f"--params=data_root={other},paths.m=3"
    refused = subprocess.run([*command, "--pipelines=voting", given], **options)
    assert refused.returncode == 1
    assert "03_paths/round_1 has paths of another plan" in refused.stderr + refused.stdout
    assert (other / "04_votes/round_1/votes.parquet").read_bytes() == votes
    given = f"--params=data_root={other},voting.min_confidence=1"
    subprocess.run([*command, "--pipelines=mixing", given], check=True, **options)
    confident = pl.read_parquet(data / "04_votes/round_1/votes.parquet").filter(confidence=1.0)
    examples = pl.read_parquet(other / "05_examples/examples_1.parquet")
    assert set(examples["question_id"]) <= set(confident["question_id"])


@pytest.mark.slow
def test_student_learns_from_paths_of_a_run(data: Path, tmp_path: Path) -> None:
    """A student with another tokenizer is trained on the examples of the run and evaluated before and after."""
    student = tiny_model(tmp_path / "student")
    command = [sys.executable, "-m", "kedro", "run", "--pipelines=distillation", "--env=smoke"]
    command += [f"--params=data_root={data},student={student}"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    metrics = json.loads((data / "07_evaluation" / "metrics_distilled.json").read_text())
    assert metrics["before"]["arm"] == "student"
    assert metrics["after"]["arm"] == "distilled"
    assert metrics["pooled"]["cot_greedy"]["before"]["n"] == 12 * len(IN_DOMAIN)
    made = data / "06_models" / "model_distilled"
    assert (made / "tokenizer.json").read_bytes() == (student / "tokenizer.json").read_bytes()
    record = json.loads((made / "training.json").read_text())
    taught = pl.read_parquet(data / "05_examples" / "examples_1.parquet")
    assert record["examples"] == taught.height
    assert record["losses"][-1] < record["losses"][0]


@pytest.mark.slow  # a minute and a half
def test_the_loop_from_seeds(tmp_path: Path) -> None:
    """The loop starts from five questions per task and trains only on admitted questions that the model wrote."""
    data = data_root(tmp_path)
    command = [
        sys.executable,
        "-m",
        "kedro",
        "run",
        "--pipelines=self_improve_from_seeds",
        "--env=smoke",
    ]
    subprocess.run([*command, f"--params=data_root={data}"], cwd=ROOT, check=True, timeout=400)
    made = data / "02_intermediate" / "generation"
    candidates = pl.read_parquet(made / "candidates.parquet")
    funnel = json.loads((data / "08_reporting" / "metrics.json").read_text())["generation"]
    for task, counts in funnel.items():
        found = dict(candidates.filter(task=task)["reason"].value_counts().iter_rows())
        assert found == {reason: n for reason, n in counts.items() if n and reason != "all"}
        assert counts["all"] == 40
    admitted = candidates.filter(reason="admitted")
    generated = pl.read_parquet(made / "questions.parquet")
    assert set(generated["question_id"]) == set(admitted["question_id"])
    examples = pl.read_parquet(data / "05_examples" / "examples_1.parquet")
    assert set(examples["question_id"]) <= set(generated["question_id"])
    real = pl.read_parquet(data / "02_intermediate" / "given" / "questions.parquet")
    assert not set(generated["question_id"]) & set(real["question_id"])
    exemplars = pl.read_parquet(data / "02_intermediate" / "exemplars.parquet")
    seeds = pl.read_parquet(made / "seed_questions.parquet")
    assert set(exemplars["question"]) <= set(seeds["question"])
    prompts = examples.filter(format="few_shot_cot")["prompt"]
    assert all(any(seed in prompt for seed in seeds["question"]) for prompt in prompts)
    assert "Where the questions came from" in (data / "08_reporting" / "report.html").read_text()


@pytest.mark.parametrize(
    "name",
    [
        "explore",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("compare", "thresholds")),
    ],
)
def test_notebook_reads_the_run(data: Path, name: str) -> None:
    given = {"ENV": "smoke", "PARAMS": f"data_root={data}", "OTHER": f"data_root={data}"}
    assert any(cell.get("outputs") for cell in executed(name, **given))


def test_the_graph_is_drawn(tmp_path: Path) -> None:
    """`kedro viz build` exits 0 even on failure, so the test reads its output."""
    project = tmp_path / "project"
    for folder in ("conf", "src"):
        shutil.copytree(ROOT / folder, project / folder)
    for file in ("pyproject.toml", ".telemetry"):
        shutil.copy(ROOT / file, project / file)
    subprocess.run(
        [sys.executable, "-m", "kedro", "viz", "build"], cwd=project, check=True, timeout=200
    )
    graph = json.loads((project / "build" / "api" / "main").read_text())
    assert {"round_1.sample_paths", "sample_paths"} & {node["name"] for node in graph["nodes"]}


@pytest.mark.slow
def test_evaluation_with_int8_weights(tmp_path: Path) -> None:
    """It is sampled with int8, so its paths differ from those of bfloat16."""
    texts = []
    for dtype in ("int8", "bfloat16"):
        data, rows = tmp_path / dtype, world_rows(unlabeled=1, held_out=3, probe=1)
        done = run(data, rows, pipeline="evaluation", engine__dtype=dtype)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
        found = json.loads(next(data.rglob("preflight.json")).read_text())
        assert found["dtype"] == dtype
        paths = pl.concat([pl.read_parquet(name) for name in sorted(chunks(data))])
        texts.append(paths.sort("question_id", "path", "text")["text"].to_list())
    assert len(texts[0]) == len(texts[1]) > 0
    assert texts[0] != texts[1]
