"""Bad data, models, devices, servers and disks each give one line: where the fault is, what it is and what to do.

Most cases are in bad_questions.py, bad_models.py and bad_servers.py. Mistakes on the command line and in the
configuration are in mistakes.txt.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from kedro.io import DatasetError
from kedro_datasets.partitions import PartitionedDataset

from lmsi_kedro import durable
from lmsi_kedro.datasets.chunk_store import ChunkStore
from lmsi_kedro.datasets.first_day import FirstDay
from lmsi_kedro.datasets.model_directory import ModelDirectory
from lmsi_kedro.datasets.question_file import QuestionFile
from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine
from lmsi_kedro.engines.server.fleet import Fleet
from lmsi_kedro.model_files import check_settings, count_parameters
from lmsi_kedro.params import (
    Conversation,
    EngineParams,
    PreparationParams,
    Sampling,
    ServerParams,
    TrainingParams,
)
from lmsi_kedro.pipelines.preparation.labels import prepare_labels, read_labels
from lmsi_kedro.pipelines.preparation.nodes import (
    choose_tasks,
    prepare_exemplars,
    prepare_questions,
)
from lmsi_kedro.run_lock import RunLock
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.tasks.encoding import Encoder
from lmsi_kedro.training import Job
from lmsi_kedro.training.encoding import check_end, check_vocabulary
from lmsi_kedro.training.launcher import read_hostfile
from lmsi_kedro.training.setup import check_batch, check_devices
from tests.bad_models import MODELS, Damage
from tests.bad_questions import EXEMPLARS, FILES, ROWS
from tests.bad_servers import SERVERS, Misbehaviour
from tests.engines.fake_server import running
from tests.models import tiny_model
from tests.settings import ENGINE, TRAINING

Act = Callable[[Path], Any]


def line_of(act: Callable[[], Any]) -> str:
    """The error message, without the errors that Kedro wraps around those of datasets."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  # only the message matters
        act()
    error: BaseException = caught.value
    while isinstance(error, DatasetError) and isinstance(error.__cause__, DatasetError):
        error = error.__cause__
    return str(error)


@pytest.mark.parametrize(("name", "content", "line"), FILES)
def test_bad_question_files_are_one_line_errors(
    tmp_path: Path, name: str, content: str | bytes | None, line: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    file = QuestionFile(filepath=str(path), problems=str(tmp_path / "malformed.csv"))
    assert line_of(file.load) == line.replace("{path}", str(path))


@pytest.mark.parametrize(("rows", "line"), ROWS)
def test_bad_questions_and_labels_are_one_line_errors(
    tmp_path: Path, rows: list[dict[str, Any]], line: str
) -> None:
    path = tmp_path / "quiz.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def prepare() -> None:
        raw = QuestionFile(filepath=str(path), problems=str(tmp_path / "malformed.csv")).load()
        tasks = choose_tasks(raw, {}, Tasks({}))
        checked = read_labels(raw, tasks)
        shares = PreparationParams(held_out_share=0.5, probe_share=0)
        prepare_labels(checked, prepare_questions(checked, tasks, shares))

    assert line_of(prepare) == line


@pytest.mark.parametrize(("content", "line"), EXEMPLARS)
def test_bad_exemplars_are_one_line_errors(tmp_path: Path, content: str, line: str) -> None:
    (tmp_path / "mine.yml").write_text(content)
    folder = PartitionedDataset(
        path=str(tmp_path), dataset="yaml.YAMLDataset", filename_suffix=".yml"
    )
    said = line_of(lambda: prepare_exemplars(folder.load()))
    assert said == line.replace("{path}", str(tmp_path / "mine.yml"))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("good"))


def use(path: Path) -> None:
    """Do with a model everything that a run does before and during sampling."""
    from transformers import AutoConfig

    model = ModelDirectory(filepath=str(path)).load()
    check_settings(path)
    assert model.parameters == count_parameters(path)
    check_vocabulary(
        Encoder.of(path, Conversation(), False).tokenizer, AutoConfig.from_pretrained(path)
    )
    check_end(Encoder.of(path, Conversation(), False).tokenizer)
    engine = LocalEngine(path, torch.float32, Conversation(), False, 4)
    drawn = Sampling(temperature=0.7, max_new_tokens=2, seed=1)
    engine.sample([Request("q1", "Q: a?\nA:", range(2))], drawn)


def test_good_model_is_accepted(good: Path) -> None:
    use(good)


@pytest.mark.parametrize(("damage", "line"), MODELS)
def test_bad_models_are_one_line_errors(
    good: Path, tmp_path: Path, damage: Damage, line: str
) -> None:
    path = tmp_path / "model"
    shutil.copytree(good, path)
    damage(path)
    assert line_of(lambda: use(path)) == line.replace("{path}", str(path))


NO_MODEL = (
    "{path} is not a model: config.json, tokenizer*, model.safetensors missing; that directory does not exist. A "
    "model of the Hugging Face hub is named hub:owner/name"
)


@pytest.mark.parametrize(
    ("name", "hub", "content", "line"),
    [
        ("m.gguf", None, None, "{path} does not exist"),
        ("m.gguf", None, b"",
         "{path} is damaged, or not a causal language model that transformers supports: cannot mmap an empty"
         " file"),
        ("models/x", "models/x", None, NO_MODEL),
        ("hub:../x", "hub:../x", None, NO_MODEL),
    ],
)  # fmt: skip
def test_bad_model_names_are_one_line_errors(
    tmp_path: Path, name: str, hub: str | None, content: bytes | None, line: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    dataset = ModelDirectory(filepath=str(path), hub_name=hub)
    assert line_of(dataset.load) == line.replace("{path}", str(path))


@pytest.mark.parametrize(("misbehaviour", "line"), SERVERS)
def test_bad_servers_are_one_line_errors(misbehaviour: Misbehaviour, line: str) -> None:
    asked = {"max_tokens": 4, "temperature": 1.0, "logprobs": 0}
    with running(lambda body, _: misbehaviour(body)) as server:
        params: dict[str, Any] = {"model": "served", "revision": "sha256:00000000", "retries": 0}
        fleet = Fleet(ServerParams(urls=[server.url], **params))
        said = line_of(lambda: fleet.complete(0, "Q", frozenset(), **asked))
        assert said == line.replace("{url}", f"{server.url}/")


def training(**changed: Any) -> TrainingParams:
    return TrainingParams(**TRAINING | changed)


def write_job(folder: Path, examples: pl.DataFrame) -> None:
    from lmsi_kedro.params import Training

    Job.write(folder, examples, folder, "digest", Training(**TRAINING))


EXAMPLES = pl.DataFrame({"example_id": "e", "prompt": "A:", "target": " 1.", "weight": 1.0})


def hosts(content: str | None) -> Act:
    def act(folder: Path) -> None:
        if content is not None:
            (folder / "hosts").write_text(content)
        read_hostfile(folder / "hosts")

    return act


@pytest.mark.parametrize(
    ("act", "line"),
    [
        (lambda _: check_batch(training(batch_size=3, gradient_accumulation=2), 2),
         "batch_size 3 is less than processes x gradient_accumulation = 2 x 2; raise it or lower the others."),
        (hosts(None), "training.hostfile: {path}/hosts does not exist."),
        (hosts(""), "training.hostfile: {path}/hosts names no host."),
        (hosts("node-1\n"),
         "training.hostfile: {path}/hosts, line 1: 'node-1' is not of the form 'host slots=8'."),
        (hosts("# all\nnode-1 slots=0\n"),
         "training.hostfile: {path}/hosts, line 2: 'node-1 slots=0' is not of the form 'host slots=8'."),
        (hosts("-oProxyCommand=x slots=1\n"),
         "training.hostfile: {path}/hosts, line 1: '-oProxyCommand=x slots=1' is not of the form 'host slots=8'."),
        (lambda folder: write_job(folder, EXAMPLES.clear()),
         "There are no examples to train on: no answer was kept by the vote."),
        (lambda folder: write_job(folder, EXAMPLES.with_columns(weight=-1.0)),
         "The weight of an example must be positive: ['e']."),
        (lambda folder: write_job(folder, EXAMPLES.drop("target")), "examples lack the columns ['target']."),
    ],
)  # fmt: skip
def test_bad_training_settings_are_one_line_errors(tmp_path: Path, act: Act, line: str) -> None:
    assert line_of(lambda: act(tmp_path)) == line.replace("{path}", str(tmp_path))


def test_more_processes_than_devices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert line_of(lambda: check_devices(4)) == (
        "training.processes is 4, but this machine has 1 GPU; run with --params=training.processes=1."
    )


def test_server_without_parameters_is_refused() -> None:
    said = line_of(lambda: EngineParams(**ENGINE | {"executor": "server"}))
    assert "engine.executor=server needs engine.server: urls, model and revision" in said


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


LARGE = pl.DataFrame({"question_id": [str(n * n) for n in range(40_000)]})
ROOM = (
    "cannot be written: No space left on device. Stored files are kept; make room or make the folder writable, "
    "then run again: only the rest is computed."
)


def test_full_disk_is_named(disk: Path) -> None:
    store = ChunkStore(filepath=str(disk / "paths"))
    said = line_of(lambda: store.save({"a": LARGE}))
    assert said.startswith(f"{disk}/paths/a.")
    assert said.endswith(ROOM)
    file = disk / "file"
    assert line_of(lambda: durable.write(file, bytes(100_000))) == (
        f"[Errno 28] No space left on device: '{file}'"
    )


def test_read_only_disk_is_named(disk: Path) -> None:
    (disk / "paths").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    lock = RunLock()
    lock.root = disk
    assert line_of(lock.before_pipeline_run) == (
        f"data_root: {disk} cannot be written to: Read-only file system; give this run another data_root"
    )


@pytest.mark.parametrize("content", ["", "today\n", "2026-13-01", "\x00\x00"])
def test_invalid_first_day_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "first_day.txt"
    path.write_text(content)
    said = line_of(FirstDay(filepath=str(path)).load)
    assert said.startswith(f"{path} has no date such as 2026-11-28: ")


def test_enough_bad_inputs_are_tried() -> None:
    assert len(FILES) + len(ROWS) + len(EXEMPLARS) + len(MODELS) + len(SERVERS) > 80
