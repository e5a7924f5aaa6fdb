"""The two files in docs/new_task.md define a task that works."""

import re
from pathlib import Path

import pytest
import yaml

from lmsi_kedro import kernels
from lmsi_kedro.params import PublicTasksParams
from lmsi_kedro.pipelines.preparation.nodes import prepare_exemplars
from lmsi_kedro.pipelines.public_tasks import nodes
from lmsi_kedro.tasks import Question, render
from lmsi_kedro.tasks.benchmark import Benchmark
from lmsi_kedro.tasks.benchmarks import BENCHMARKS
from lmsi_kedro.tasks.questions import exemplars_of

PAGE = (Path(__file__).parents[2] / "docs" / "new_task.md").read_text()
HUB = {"validation": [
    {"question": "do bees sleep", "answer": True, "passage": "Bees rest at night."},
    {"question": "is iron soft", "answer": False, "passage": "Iron is hard."},
]}  # fmt: skip


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.S)
    assert found
    return found[1]


def test_task_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "boolq.py"
    module.write_text(block("python"))
    scope: dict[str, Benchmark] = {}
    exec(compile(module.read_text(), str(module), "exec"), scope)
    benchmark = scope["BENCHMARK"]
    monkeypatch.setitem(BENCHMARKS, "boolq", benchmark)
    params = PublicTasksParams(names=["boolq"], rows_per_split=None)
    rows = nodes.read_benchmark(HUB, params, "boolq")
    assert rows["answer"].to_list() == [["yes"], ["no"]]
    shots = exemplars_of(
        prepare_exemplars({"boolq": lambda: yaml.safe_load(block("yaml"))}), benchmark.task
    )
    assert len(shots) == 2
    first = rows.row(0, named=True)
    prompt = render("few_shot_cot", Question(first["question"], first["context"]), shots)
    assert prompt.endswith("\n\nQ: Bees rest at night.\nDo bees sleep?\nA:")
    keys = kernels.canonical_keys([shot.answer for shot in shots], benchmark.task.kind)
    assert keys.to_list() == ["bool:no", "bool:yes"]
