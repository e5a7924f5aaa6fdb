"""`lmsi init` and `lmsi --version`; whole runs of an installed wheel are in tests/test_wheel.py."""

import tomllib
from pathlib import Path

import pytest

from lmsi_kedro.commands import main
from lmsi_kedro.commands.init import COPIED
from lmsi_kedro.datasets.model_directory import Model

ROOT = Path(__file__).parents[2]


def test_new_project_has_the_inputs_of_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "mine"
    assert main(["init", str(project)]) == 0
    assert f"cd {project} && kedro run" in capsys.readouterr().out
    assert {path.name for path in project.iterdir()} == {
        *("conf", "data", "pyproject.toml", ".telemetry"),
    }
    shipped, made = (Model.at(root / "data/06_models/base") for root in (ROOT, project))
    assert shipped.digest == made.digest
    for name in ("conf/base/parameters.yml", "conf/base/exemplars/mini_gsm.yml"):
        assert (project / name).read_bytes() == (ROOT / name).read_bytes()
    kedro = tomllib.loads((project / "pyproject.toml").read_text())["tool"]["kedro"]
    assert kedro["package_name"] == "lmsi_kedro"
    assert kedro["project_name"] == "mine"
    assert main(["init", str(project)]) == 1
    assert capsys.readouterr().err == f"lmsi: {project} exists: name a new folder\n"


def test_wheel_includes_all_copied_files() -> None:
    installed = (ROOT / "csrc/CMakeLists.txt").read_text()
    assert all(f"../{name}" in installed for name in COPIED)


def test_version_is_read_from_pyproject(capsys: pytest.CaptureFixture[str]) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"lmsi-kedro {declared}\n"
