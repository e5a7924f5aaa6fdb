"""Tests of src/lmsi_kedro/<folder>/ are in tests/<folder>/, and the names of tests are short."""

import re
from pathlib import Path

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "lmsi_kedro"
ELSEWHERE = {  # tests that need a whole run, the whole configuration or a whole kernel
    "cli.py": "test_mistakes.py",
    "commands/explain": "test_run.py",
    "hooks.py": "test_project.py",
    "kernels/answers/reference": "kernels/answers/test_answers.py",
    "pipeline_registry.py": "test_project.py",
    "settings.py": "test_project.py",
    "stages.py": "test_progress.py",
}


def untested() -> set[str]:
    """Top-level modules of the package, and folders with modules, that have no test in the matching place."""
    modules = {path.name for path in SOURCE.glob("[a-z]*.py")}
    folders = {str(path.parent.relative_to(SOURCE)) for path in SOURCE.rglob("*/*.py")}
    return {name for name in modules if not (TESTS / f"test_{name}").exists()} | {
        name
        for name in folders
        if not any((TESTS / name).rglob("test_*.py"))
        and not (TESTS / name).with_name(f"test_{Path(name).name}.py").exists()
    }


def test_every_folder_has_its_tests() -> None:
    assert untested() == set(ELSEWHERE)
    assert all((TESTS / path).exists() for path in ELSEWHERE.values())


def test_every_test_folder_matches_a_source_folder() -> None:
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("*/test_*.py")}
    strays = {str(folder) for folder in folders if not (SOURCE / folder).is_dir()}
    assert strays == {"tokenizers"}  # tests of model families, for sampling and training alike


def test_no_test_imports_another() -> None:
    importing = {
        f"{path.relative_to(TESTS)}: {line}"
        for path in TESTS.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("from tests.")
        and line.split()[1].split(".")[-1].startswith(("test_", "conftest"))
    }
    assert not importing


def test_names_have_at_most_eight_words() -> None:
    long = {
        f"{path.relative_to(TESTS)}: {name}"
        for path in TESTS.rglob("test_*.py")
        for name in re.findall(r"def test_(\w+)", path.read_text(encoding="utf-8"))
        if len(name.split("_")) > 8
    }
    assert not long
