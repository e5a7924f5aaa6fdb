"""Copies a run's model, its adapter or its data to a folder."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from lmsi_kedro import durable
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.model_files import ADAPTER, RECORD, content_files, licenses
from lmsi_kedro.printable import counted

CARD = "README.md"
DATA_CARD = """---
configs:
- config_name: examples
  data_files: examples.parquet
  default: true
- config_name: votes
  data_files: votes.parquet
tags: [self-improvement, lmsi-kedro]
---

# Self-generated training data

Made by lmsi-kedro. The answers are the model's own; they were chosen without labels.

- `load_dataset(PATH_OR_NAME, "examples")`: {examples:,} training examples of the last round: prompt, target,
  format, weight, and the question and path of each.
- `load_dataset(PATH_OR_NAME, "votes")`: {votes:,} votes of {rounds} with their questions. `key` is the
  winner, `confidence` the share of all paths that agree with it; `reason` tells why a vote was not `kept`.
"""


@contextmanager
def new_folder(final: Path) -> Iterator[Path]:
    """Yields a temporary folder that is renamed to `final` when complete; raises ValueError if `final` exists."""
    if final.exists():
        raise ValueError(f"{final} exists: name a new folder")
    prepared = durable.partial(final)
    try:
        yield prepared
        durable.publish(prepared, final)
    finally:
        shutil.rmtree(prepared, ignore_errors=True)


def last_model(catalog: Any) -> str:
    """Returns the dataset of the last round's model; raises ValueError if no run has finished."""
    if not catalog.exists("metrics"):
        raise ValueError(
            "there is no finished run here: name its folder with --params=data_root=..., or a model with --model"
        )
    return f"model_{len(catalog.load('metrics')['rounds'])}"


def copy_model(model: Model, folder: Path) -> None:
    """Copies weights, tokenizer, configuration, licenses, record and card."""
    path = model.path
    for file in [*content_files(path), *licenses(path), path / RECORD, path / CARD]:
        if file.exists():
            shutil.copy(file, folder)


def copy_adapter(model: Model, folder: Path) -> None:
    """Copies the adapter and the card, which names the base model; raises ValueError if there is no adapter."""
    if not (model.path / ADAPTER).is_dir():
        raise ValueError(
            f"{model.path} has no LoRA adapter, since all weights were trained: export `model` instead"
        )
    shutil.copytree(model.path / ADAPTER, folder, dirs_exist_ok=True)
    for file in [*licenses(model.path), model.path / CARD]:
        if file.exists():
            shutil.copy(file, folder)
    if (folder / CARD).exists() and (base := base_of((folder / CARD).read_text(encoding="utf-8"))):
        # The file names a folder of the machine that trained the adapter; the name on the hub replaces it.
        config = folder / "adapter_config.json"
        settings = json.loads(config.read_text()) | {"base_model_name_or_path": base}
        config.write_text(json.dumps(settings, indent=2))


def base_of(card: str) -> str | None:
    """Returns the name of the base model on the hub, which is in the front matter of the card."""
    front = yaml.safe_load(card.split("---")[1]) if card.startswith("---") else {}
    return front.get("base_model")


def export_data(folder: Path, catalog: Any) -> str:
    """Writes examples.parquet, votes.parquet and the card that `datasets` needs; returns a description."""
    rounds = int(last_model(catalog).removeprefix("model_"))
    questions = catalog.load("questions").drop("split")
    votes = pl.concat(
        catalog.load(f"round_{k}.votes").with_columns(round=pl.lit(k, pl.Int32))
        for k in range(1, rounds + 1)
    ).join(questions, on="question_id", how="left", maintain_order="left")
    examples = catalog.load(f"examples_{rounds}")
    examples.write_parquet(folder / "examples.parquet")
    votes.write_parquet(folder / "votes.parquet")
    card = DATA_CARD.format(
        examples=examples.height, votes=votes.height, rounds=counted(rounds, "round")
    )
    (folder / CARD).write_text(card, encoding="utf-8")
    return f"{examples.height:,} examples and {votes.height:,} votes"
