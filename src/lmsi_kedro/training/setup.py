"""Builds the trainer of a job: model, encoded examples, batch plan and DeepSpeed's configuration."""

import os
from typing import Any

import deepspeed
import deepspeed.runtime.compiler
import torch
from deepspeed.runtime.checkpoint_engine import TorchCheckpointEngine
from transformers import (
    AutoConfig,
    PrinterCallback,
    TrainingArguments,
    set_seed,
)
from transformers.utils.logging import disable_progress_bar

from lmsi_kedro.hardware import cpu_has_bfloat16
from lmsi_kedro.model_files import load_model
from lmsi_kedro.params import Training, TrainingParams
from lmsi_kedro.tasks.encoding import Encoded, Encoder
from lmsi_kedro.training.adapters import with_adapters
from lmsi_kedro.training.batches import BatchPlan, PairPlan, sample_rows
from lmsi_kedro.training.checkpoints import read_without_code
from lmsi_kedro.training.encoding import check_end, check_length, check_vocabulary
from lmsi_kedro.training.job import REJECTED, Job, TrainingError
from lmsi_kedro.training.preferences import PreferenceTrainer
from lmsi_kedro.training.target_trainer import StepLog, TargetTrainer

# Gradients that are reduced together on a CPU. DeepSpeed's buffer for its default of 500 million takes 1 GB.
BUCKET = 32_000_000


def build_trainer(job: Job) -> TargetTrainer:
    """Checks the job and builds its trainer."""
    prepare_deepspeed()
    disable_progress_bar()
    check_devices(job.params.processes)
    # The arguments must be made before the model is loaded, because ZeRO-3 then loads it in shards.
    arguments = training_arguments(job)
    plan, ids = build_plan(job, arguments.world_size)
    dtype = torch.bfloat16 if arguments.bf16 else torch.float32
    model = load_model(job.base_model, dtype, job.trust_remote_code)
    if job.params.lora:
        set_seed(job.params.seed)  # so that every process initialises the same adapters
        model = with_adapters(model, job.params.lora)
    kind = PreferenceTrainer if job.params.objective == "scpo" else TargetTrainer
    trainer = kind(
        job, plan, ids, model=model, args=arguments, callbacks=[StepLog(job.progress, plan)]
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def check_devices(processes: int) -> None:
    """Raises TrainingError if several processes would share a GPU."""
    gpus = torch.cuda.device_count()
    if torch.cuda.is_available() and gpus < processes:
        raise TrainingError(
            f"training.processes is {processes}, but this machine has {gpus} GPU; "
            f"run with --params=training.processes={gpus}."
        )


def check_batch(params: TrainingParams, processes: int) -> None:
    """Raises TrainingError if a step has fewer examples than processes x micro-steps."""
    if params.batch_size < processes * params.gradient_accumulation:
        raise TrainingError(
            f"batch_size {params.batch_size} is less than processes x gradient_accumulation = "
            f"{processes} x {params.gradient_accumulation}; raise it or lower the others."
        )


def prepare_deepspeed() -> None:
    """Prevents DeepSpeed from running code of checkpoints and from compiling unused code."""
    TorchCheckpointEngine.load = read_without_code
    # shm_comm, which takes 30 s to build, only speeds up all-reduce on a CPU; gloo does the same work.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    # DeepSpeed always imports its Muon optimizer, whose decorators would load a compiler, which takes 2.6 s.
    deepspeed.runtime.compiler.compile = lambda *_, **__: lambda function: function


def build_plan(job: Job, processes: int) -> tuple[BatchPlan, list[str]]:
    """The batch plan of the encoded examples, and the examples' ids."""
    params, examples = job.params, job.examples
    check_batch(params, processes)
    trust = job.trust_remote_code
    config = AutoConfig.from_pretrained(job.base_model, trust_remote_code=trust)
    encoder = Encoder.of(job.base_model, job.conversation, trust)
    check_end(encoder.tokenizer)
    check_vocabulary(encoder.tokenizer, config)
    ids, prompts = examples["example_id"].to_list(), examples["prompt"].to_list()

    def encoded(column: str) -> list[Encoded]:
        pairs = encoder.examples(prompts, examples[column].to_list())
        for example_id, pair in zip(ids, pairs, strict=True):
            check_length(pair, example_id, config)
        return pairs

    rows = sample_rows(len(ids), params.steps, params.batch_size, params.seed)
    weights = examples["weight"].to_list()
    plan = rows, encoded("target"), weights, params.gradient_accumulation, processes
    if params.objective == "scpo":
        return PairPlan(*plan, encoded(REJECTED)), ids
    return BatchPlan(*plan), ids


def training_arguments(job: Job) -> TrainingArguments:
    """The job's parameters as arguments of the transformers Trainer."""
    params = job.params
    processes = int(os.environ["WORLD_SIZE"])
    return TrainingArguments(
        output_dir=str(job.checkpoints),
        max_steps=params.steps,
        per_device_train_batch_size=-(
            -params.batch_size // (processes * params.gradient_accumulation)
        ),
        gradient_accumulation_steps=params.gradient_accumulation,
        learning_rate=params.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(params.warmup_ratio * params.steps),
        weight_decay=params.weight_decay,
        max_grad_norm=params.max_grad_norm,
        seed=params.seed,
        use_cpu=not torch.cuda.is_available(),
        bf16=trains_in_bfloat16(params),
        deepspeed=deepspeed_config(params),
        gradient_checkpointing=params.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        save_steps=params.checkpoint_every,
        # Two, so that one complete checkpoint exists while the next one is written.
        save_total_limit=2,
        logging_steps=1,
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to=[],
    )


def deepspeed_config(params: Training) -> dict[str, Any]:
    """ZeRO with torch's AdamW, which the Trainer creates; DeepSpeed's own takes 2 minutes to build on a CPU."""
    zero: dict[str, Any] = {"stage": params.zero_stage}
    if not torch.cuda.is_available():
        zero["reduce_bucket_size"] = BUCKET
    if params.offload != "none":
        zero["offload_optimizer"] = {"device": "cpu"}
    if params.offload == "all":
        zero["offload_param"] = {"device": "cpu"}
    return {
        "zero_force_ds_cpu_optimizer": False,
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "bf16": {"enabled": "auto"},
        "zero_optimization": zero,
    }


def trains_in_bfloat16(params: Training) -> bool:
    """Whether to train in bfloat16; with `auto`, if hardware and ZeRO stage support it."""
    if params.precision != "auto" or params.zero_stage == 0:
        return params.precision == "bfloat16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return cpu_has_bfloat16()
