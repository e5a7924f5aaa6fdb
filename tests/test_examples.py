"""Each project in examples/ runs with its own command, on fewer steps."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lmsi_kedro.datasets.model_directory import Model
from tests.engines.embedded import STUDENT, Embedded
from tests.engines.fake_server import running

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
QUICK = {
    "training": {"steps": 2, "processes": 1},
    "engine": {"workers": 1},
    "paths": {"m": 4},
    "evaluation": {"modes": ["cot_greedy"]},
    "monitor": {"questions_per_task": 4},
}


def run(name: str, data: Path, **changed: Any) -> str:
    """The output of `kedro run --config=examples/NAME/run.yml` with these parameters changed."""
    given = yaml.safe_load((EXAMPLES / name / "run.yml").read_text())
    params = given["run"]["params"]
    assert params["data_root"] == f"data/examples/{name}"
    for group, values in {**QUICK, **changed, "data_root": str(data)}.items():
        both = isinstance(values, dict) and isinstance(params.get(group), dict)
        params[group] = {**params[group], **values} if both else values
    data.mkdir()
    (data / "run.yml").write_text(yaml.safe_dump(given))
    done = subprocess.run(
        [sys.executable, "-m", "kedro", "run", f"--config={data / 'run.yml'}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_examples_are_listed_and_their_files_exist() -> None:
    listed = (EXAMPLES / "README.md").read_text()
    folders = [path.name for path in EXAMPLES.iterdir() if path.is_dir()]
    assert len(folders) == 4
    for name in folders:
        assert f"kedro run --config=examples/{name}/run.yml" in listed
        assert (EXAMPLES / name / "README.md").exists()
        params = yaml.safe_load((EXAMPLES / name / "run.yml").read_text())["run"]["params"]
        assert (ROOT / params["questions"]).is_file()
        assert (ROOT / params.get("exemplars", "conf/base/exemplars")).is_dir()


@pytest.mark.slow  # a whole run
@pytest.mark.parametrize(
    ("name", "measured"),
    [("own_questions", True), ("without_answers", False), ("multiple_choice", True)],
)
def test_example_ends_with_report_and_model(name: str, measured: bool, tmp_path: Path) -> None:
    data = tmp_path / name
    said = run(name, data)
    assert f"model   {data / '06_models/model_1'}" in said
    metrics = json.loads((data / "08_reporting/metrics.json").read_text())
    assert (metrics["headline"]["n"] > 0) is measured
    assert (data / "08_reporting/report.html").exists()
    assert Model.at(data / "06_models/model_1")
    tasks = json.loads((data / "02_intermediate/tasks.json").read_text())
    (task,) = tasks.values()
    assert task["kind"] == ("choice" if name == "multiple_choice" else "number")
    assert (task["exemplar_set"] is None) is (name == "multiple_choice")


@pytest.mark.slow  # the server decodes the questions one by one
def test_chat_server_receives_the_system_turn(tmp_path: Path) -> None:
    """The model is the embedded one with a chat template."""
    folder = shutil.copytree(STUDENT, tmp_path / "chat")
    template = "{% for m in messages %}{{ m.content }}\n{% endfor %}"
    (folder / "chat_template.jinja").write_text(template)
    model, embedded = Model.at(folder), Embedded(folder)
    with running(embedded.answer) as server:
        engine = {
            "executor": "server",
            "server": {
                "urls": server.url, "model": "served", "revision": f"sha256:{model.digest[:8]}",
            },
        }  # fmt: skip
        said = run("chat_server", tmp_path / "run", model=str(folder), engine=engine)
    assert f"model   {tmp_path / 'run/06_models/candidate_1'}" in said
    assert all("Answer in one sentence" in body["prompt"] for body in server.bodies[-8:])
    assert Model.at(tmp_path / "run/06_models/candidate_1").digest != model.digest
