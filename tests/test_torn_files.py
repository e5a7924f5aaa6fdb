"""Files that a run reads but did not write are used only if they are complete and match its parameters.

These files are the user's inputs; sampled chunks and training jobs, whose addresses are hashes of everything that
affects them; and, for reports and distillation, the tables of a finished run. All other tables are made again by
every run.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.framework.startup import bootstrap_project
from kedro.io import DatasetError

from lmsi_kedro.datasets.chunk_store import ChunkStore, StoredChunks
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, Training
from lmsi_kedro.training import Job
from tests.contexts import project_context
from tests.settings import ENGINE, TRAINING

ROOT = Path(__file__).parents[1]
GIVEN = {"raw_questions", "raw_exemplars", "raw_worked_examples", "base_model", "student_model"}
MADE_ELSEWHERE = {"reporting", "distillation"}  # these pipelines read a finished run
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "half": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "noise": lambda content: bytes(range(256)) * (1 + len(content) // 256),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def catalog(root: Path) -> Iterator[Any]:
    bootstrap_project(ROOT)
    with project_context(data_root=str(root)) as context:
        yield context.catalog


def free_inputs(name: str) -> set[str]:
    """The datasets that a pipeline reads and does not write."""
    from kedro.framework.project import pipelines

    return {dataset for dataset in pipelines[name].inputs() if not dataset.startswith("param")}


def test_run_reads_only_given_or_addressed_data(catalog: Any) -> None:
    from kedro.framework.project import pipelines

    for name in set(pipelines) - MADE_ELSEWHERE:
        read = {d for d in free_inputs(name) if not d.startswith(("hub:", "world", "pretrain"))}
        addressed = {d for d in read if "stored_" in d}
        assert read - addressed - GIVEN <= {"first_day", "this_run", "round_1.paths"}, name


def read_later() -> list[str]:
    read = set().union(*(free_inputs(name) for name in MADE_ELSEWHERE))
    return sorted(d for d in read - GIVEN if "stored_" not in d and "model" not in d)


def whole(path: Path) -> bytes:
    """Write a valid file for a dataset at this path and return its content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pl.DataFrame({"question_id": [f"q{n}" for n in range(100)]}).write_parquet(path)
    elif path.suffix == ".json":
        path.write_text(json.dumps({"rounds": [{"accuracy": 0.5}] * 20}))
    else:
        path.write_text("2026-11-28\n")
    return path.read_bytes()


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_table_is_named_and_not_used(catalog: Any, root: Path, damage: str) -> None:
    names = [*read_later(), "first_day", "metrics", "headroom", "tasks"]
    assert {"predictions_0", "metrics_1", "examples_1", "monitor_1"} <= set(names)
    for name in names:
        dataset = catalog[name]
        path = Path(str(dataset._describe()["filepath"]))
        path.write_bytes(DAMAGES[damage](whole(path)))
        with pytest.raises(DatasetError, match=re.escape(path.name)):
            dataset.load()
        path.unlink()


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_chunk_is_sampled_again(tmp_path: Path, damage: str) -> None:
    store = ChunkStore(filepath=str(tmp_path))
    store.save({"a": pl.DataFrame({"question_id": ["q"], "path": [0]})})
    (chunk,) = tmp_path.glob("a.*")
    chunk.write_bytes(DAMAGES[damage](chunk.read_bytes()))
    assert StoredChunks(filepath=str(tmp_path)).load().missing(["a"]) == ["a"]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["job.json", "examples.parquet"])
def test_damaged_job_file_is_rewritten(tmp_path: Path, damage: str, name: str) -> None:
    before = job(tmp_path)
    path = before.folder / name
    content = path.read_bytes()
    path.write_bytes(DAMAGES[damage](content))
    assert job(tmp_path) == before
    assert path.read_bytes() == content


def job(folder: Path, **changed: Any) -> Job:
    texts = {"prompt": "A:", "target": " 1.", "rejected": " 2."}
    examples = pl.DataFrame({"example_id": "e", "weight": 1.0, **texts})
    return Job.write(folder, examples, folder / "base", "digest", Training(**TRAINING | changed))


OTHER_TRAINING: dict[str, Any] = {
    "steps": 6, "batch_size": 5, "learning_rate": 2e-3, "warmup_ratio": 0.2, "weight_decay": 0.1,
    "max_grad_norm": 2.0, "seed": 2, "processes": 2, "hostfile": "hosts", "zero_stage": 3, "offload": "optimizer",
    "precision": "float32", "gradient_accumulation": 2, "gradient_checkpointing": True, "lora": {"rank": 4},
    "checkpoint_every": 6, "objective": "scpo", "preferences": {"beta": 0.2, "nll": 1.0},
}  # fmt: skip
SERVER = {"urls": "http://host/v1", "model": "served", "revision": "sha256:00000000"}
LAUNCH = {"server": "vllm", "options": "", "folder": "servers"}
# For each field, another value, and whether chunks sampled with the first value may be reused with the other.
OTHER_ENGINE: dict[str, tuple[dict[str, Any], bool]] = {
    "executor": ({"executor": "ray"}, True),
    "server": ({"executor": "server", "server": SERVER}, False),
    "launch": ({"executor": "launch", "launch": LAUNCH}, False),
    "ray_address": ({"ray_address": "auto"}, True),
    "workers": ({"workers": 2}, True),
    "dtype": ({"dtype": "bfloat16"}, False),
    "paths_per_chunk": ({"paths_per_chunk": 2}, False),
    "rows": ({"rows": 4}, False),
    "chat": ({"chat": "never"}, False),
    "thoughts": ({"thoughts": "keep"}, False),
    "prompts": ({"prompts": {"system": "Be brief.", "date": date(2026, 1, 1)}}, False),
    "trust_remote_code": ({"trust_remote_code": True}, True),
    "skip_too_long": (
        {"skip_too_long": True},
        True,
    ),  # it only changes the questions of the plan
}


def test_other_parameters_make_another_job(tmp_path: Path) -> None:
    assert set(OTHER_TRAINING) == set(Training.model_fields)
    others = {name: {name: value} for name, value in OTHER_TRAINING.items()}
    others["preferences"]["objective"] = "scpo"  # the objective sft does not read them
    changed = [job(tmp_path, **other).folder for other in others.values()]
    assert len({job(tmp_path).folder, *changed}) == 1 + len(OTHER_TRAINING)


def plan(digest: str = "digest", **changed: Any) -> Plan:
    from lmsi_kedro.params import Sampling

    prompts = changed.pop("questions", {"q1": "one", "q2": "two", "q3": "three"})
    m, columns = changed.pop("m", 4), changed.pop("columns", {"exemplar_set": "a"})
    drawn = {"temperature": 0.7, "max_new_tokens": 8, "seed": 1} | changed.pop("sampling", {})
    made = Plan(ROOT, digest, EngineParams(**ENGINE | changed))
    made.add(prompts, range(m), Sampling(**drawn), columns)
    return made


def test_chunks_are_reused_only_across_equivalent_engines() -> None:
    assert set(OTHER_ENGINE) == set(EngineParams.model_fields)
    for name, (changed, alike) in OTHER_ENGINE.items():
        assert (set(plan(**changed).chunks) == set(plan().chunks)) is alike, name


@pytest.mark.parametrize(
    "changed",
    [
        {"digest": "other"},
        {"questions": {"q1": "one", "q2": "two", "q3": "three!"}},
        {"questions": {"q1": "one", "q2": "two"}},
        {"m": 3},
        {"columns": {"exemplar_set": "b"}},
        *[
            {"sampling": value}
            for value in (
                {"temperature": 0.8},
                {"top_k": 5},
                {"top_p": 0.9},
                {"min_p": 0.1},
                {"max_new_tokens": 9},
                {"seed": 2},
            )
        ],
        {"chat": "never"},
        {"thoughts": "keep"},
        {"dtype": "bfloat16"},
        {"prompts": {"system": "Be brief."}},
    ],
)
def test_different_plans_share_no_chunks(changed: dict[str, Any]) -> None:
    assert plan(**changed).address != plan().address
    assert set(plan(**changed).chunks) != set(plan().chunks)


def test_plan_address_ignores_machine_layout() -> None:
    for changed in ({"rows": 4}, {"paths_per_chunk": 2}, {"workers": 2}, {"executor": "ray"}):
        assert plan(**changed).address == plan().address
