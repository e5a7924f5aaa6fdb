"""Runs our trainer or that of TRL for benchmarks/training.py, and prints the CPU seconds of its steps as JSON.

python benchmarks/trainers.py "our trainer" MODEL EXAMPLES [--quick]
"""

import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
from result import QUICK, ROOT

BATCH, STEPS = (4, 3) if QUICK else (32, 5)
SETTINGS: dict[str, dict[str, Any]] = {
    "padded": {},
    "sorted by length": {"train_sampling_strategy": "group_by_length"},
    "sorted by length, 4 micro-batches": {
        "train_sampling_strategy": "group_by_length",
        "per_device_train_batch_size": BATCH // 4,
        "gradient_accumulation_steps": 4,
    },
}


def our_steps(folder: Path, examples: Path) -> list[float]:
    """Return the CPU seconds of the steps of our trainer, including DeepSpeed."""
    from kedro.config import OmegaConfigLoader

    from lmsi_kedro.datasets.model_directory import Model
    from lmsi_kedro.params import TrainingParams
    from lmsi_kedro.training import Job
    from lmsi_kedro.training.trainer import prepare_environment

    loader = OmegaConfigLoader(str(ROOT / "conf"), base_env="base", default_run_env="base")
    given = loader["parameters"]["training"]
    given |= {"steps": STEPS, "batch_size": BATCH, "processes": 1, "gradient_accumulation": 1}
    table = pl.read_parquet(examples)
    params = TrainingParams(**given).of(Model.at(folder), table.height)
    job = Job.write(folder / "jobs", table, folder, "", params)
    prepare_environment()
    from lmsi_kedro.training.setup import build_trainer

    return timed(build_trainer(job))


def sft_steps(folder: Path, examples: Path, settings: str) -> list[float]:
    """Return the CPU seconds of the steps of SFTTrainer on the same examples, with loss on completions only."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = pl.read_parquet(examples).select("prompt", completion=pl.col("target"))
    arguments: dict[str, Any] = {
        "per_device_train_batch_size": BATCH,
        "max_length": 2048,
        **SETTINGS[settings],
    }
    config = SFTConfig(
        output_dir=str(folder / "sft"), max_steps=STEPS, bf16=True, use_cpu=True, report_to=[],
        completion_only_loss=True, gradient_checkpointing=False, save_strategy="no",
        disable_tqdm=True, **arguments,
    )  # fmt: skip
    model = AutoModelForCausalLM.from_pretrained(folder)
    data = Dataset.from_list(rows.to_dicts())
    return timed(SFTTrainer(model, config, train_dataset=data, processing_class=tokenizer))


def timed(trainer: Any) -> list[float]:
    """Train and return the CPU seconds of each step of a transformers Trainer."""
    import torch
    from transformers import TrainerCallback

    marks: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            marks.append(time.process_time())

    torch.set_num_threads(1)
    trainer.add_callback(Clock())
    trainer.train()
    return [after - before for before, after in itertools.pairwise(marks)]


if __name__ == "__main__":
    side, model, data = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    ours = side == "our trainer"
    print(json.dumps(our_steps(model, data) if ours else sft_steps(model, data, side[11:])))
