"""`lmsi init`: creates a project for `kedro run` outside this repository."""

import argparse
import shutil
from pathlib import Path
from typing import Any

import lmsi_kedro
from lmsi_kedro import durable

PYPROJECT = """[tool.kedro]
package_name = "lmsi_kedro"
project_name = "{name}"
kedro_init_version = "{kedro}"
source_dir = "."
"""
# Parts of the repository; in the wheel they are in the folder `project` (csrc/CMakeLists.txt).
COPIED = ("conf", "data/01_raw/questions.jsonl", "data/06_models/base", "data/06_models/base_small")


def add_to(commands: Any) -> None:
    """Adds this subcommand to argparse's subparsers."""
    command: argparse.ArgumentParser = commands.add_parser(
        "init", help="create a project: configuration, exemplars, sample questions, embedded model"
    )
    command.add_argument("folder", type=Path, help="a new folder")
    command.set_defaults(run=lambda args: init(args.folder))


def init(folder: Path) -> str:
    """Creates the project atomically; raises ValueError if the folder exists."""
    import kedro

    if folder.exists():
        raise ValueError(f"{folder} exists: name a new folder")
    final = folder.resolve()
    prepared = durable.partial(final)
    for name in COPIED:
        copy(shipped() / name, prepared / name)
    described = PYPROJECT.format(name=final.name, kedro=kedro.__version__)
    (prepared / "pyproject.toml").write_text(described, encoding="utf-8")
    (prepared / ".telemetry").write_text("consent: false\n", encoding="utf-8")
    durable.publish(prepared, final)
    return (
        f"{folder} has conf/ (parameters and exemplars), data/01_raw/questions.jsonl and the embedded model.\n"
        f"  cd {folder} && kedro run\n"
        "with your own questions: kedro run --params=questions=my.jsonl,model=hub:Qwen/Qwen2.5-0.5B"
    )


def shipped() -> Path:
    """Returns the folder with the project's parts."""
    package = Path(lmsi_kedro.__file__).parent
    installed = package / "project"
    return installed if installed.exists() else package.parents[1]


def copy(source: Path, target: Path) -> None:
    """Copies a file, or a folder without the files that an editor or a run may have left in it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_file():
        shutil.copy(source, target)
    else:
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*", "local", "README.md"))
