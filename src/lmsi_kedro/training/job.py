"""A fine-tuning job: a folder named by the digest of everything that determines its result.

    <workspace>/<digest>/
        job.json  examples.parquet          the inputs
        reference.parquet                   for the objective scpo: log-probabilities of the base model
        checkpoints/  progress.jsonl  trainer.log  error.txt  lease  rendezvous     used during training
        model/                              the result; it exists only when it is complete

The same examples, base model and parameters lead to the same folder, so an interrupted job is resumed and a
finished one is not repeated.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lmsi_kedro import durable
from lmsi_kedro.params import Conversation, Training
from lmsi_kedro.tasks.encoding import AUTO

COLUMNS = ["example_id", "prompt", "target", "weight"]
REJECTED = "rejected"  # for the objective scpo: the answer to which `target` is preferred
# Part of every digest: raise it when the trainer produces a different model from the same job.
RECIPE = 3


class TrainingError(RuntimeError):
    """Fine-tuning cannot continue; the message says why and what to change."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raises TrainingError for disk errors: a file that cannot be read must not be mistaken for a damaged one."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise TrainingError(
            f"{error.filename or path} cannot be read: {error.strerror}. Nothing was removed; once it "
            "can be read, the same command resumes."
        ) from error


@dataclass(frozen=True)
class Job:
    """A job folder with the content of its job.json."""

    folder: Path
    base_model: Path
    params: Training
    conversation: Conversation
    trust_remote_code: bool

    @classmethod
    def write(
        cls,
        workspace: Path,
        examples: pl.DataFrame,
        base_model: Path,
        base_digest: str,
        params: Training,
        conversation: Conversation = AUTO,
        trust_remote_code: bool = False,
    ) -> "Job":
        """Creates the folder of a job, or finds an existing one; the order of the examples does not matter."""
        examples = checked(examples, params)
        folder = workspace.resolve() / job_digest(examples, base_digest, params, conversation)[:32]
        with durable.file(folder / "examples.parquet") as temporary:
            examples.write_parquet(temporary)
        job = {
            "base_model": str(base_model.resolve()),
            "params": params.model_dump(),
            "conversation": conversation.model_dump(mode="json"),
            "trust_remote_code": trust_remote_code,
        }
        durable.write(folder / "job.json", json.dumps(job, indent=2).encode())
        return cls.read(folder / "job.json")

    @classmethod
    def read(cls, path: Path) -> "Job":
        """The job that a job.json describes."""
        job = json.loads(path.read_text())
        params = Training(**job["params"])
        conversation, trust = Conversation(**job["conversation"]), job["trust_remote_code"]
        return cls(path.parent, Path(job["base_model"]), params, conversation, trust)

    @property
    def examples(self) -> pl.DataFrame:
        """The examples, in the order of their ids."""
        return pl.read_parquet(self.folder / "examples.parquet")

    @property
    def reference(self) -> Path:
        """The file with the base model's log-probabilities of every pair, computed once before the first step."""
        return self.folder / "reference.parquet"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def progress(self) -> Path:
        """The file with one line of JSON for each finished step."""
        return self.folder / "progress.jsonl"

    @property
    def lease(self) -> Path:
        """The lease file; trainers on other machines end when it expires (see the module `lease`)."""
        return self.folder / "lease"

    @property
    def rendezvous(self) -> Path:
        """The file through which the trainers on one machine find each other."""
        return self.folder / "rendezvous"

    @property
    def log(self) -> Path:
        """The file with the output of the trainer and its libraries."""
        return self.folder / "trainer.log"

    @property
    def error(self) -> Path:
        """The file with the message of the error that ended the trainer, if it could be written."""
        return self.folder / "error.txt"

    @property
    def model(self) -> Path:
        """The directory of the tuned model; it exists only when it is complete and checked."""
        return self.folder / "model"


def checked(examples: pl.DataFrame, params: Training) -> pl.DataFrame:
    """The columns that training reads, sorted by id; TrainingError for invalid examples."""
    columns = [*COLUMNS, REJECTED] if params.objective == "scpo" else COLUMNS
    if missing := set(columns) - set(examples.columns):
        raise TrainingError(f"examples lack the columns {sorted(missing)}.")
    if examples.is_empty():
        raise TrainingError("There are no examples to train on: no answer was kept by the vote.")
    usable = pl.col("weight").is_finite() & (pl.col("weight") > 0)
    if (bad := examples.filter(~usable.fill_null(False))).height:
        raise TrainingError(
            f"The weight of an example must be positive: {bad['example_id'][:5].to_list()}."
        )
    return examples.select(columns).sort(columns)


def job_digest(
    examples: pl.DataFrame, base_digest: str, params: Training, conversation: Conversation
) -> str:
    """The sha256 of everything that determines the tuned model."""
    turns = conversation.model_dump(mode="json")
    head = {"recipe": RECIPE, "base": base_digest, "params": params.model_dump(), "asked": turns}
    digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for row in examples.iter_rows():
        digest.update(repr(row).encode())
    return digest.hexdigest()
