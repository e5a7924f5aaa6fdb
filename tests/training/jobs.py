"""Parameters of small training jobs, what they leave, and the losses that they should have."""

import json
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, get_cosine_schedule_with_warmup

from lmsi_kedro.training import Job
from lmsi_kedro.training.setup import build_plan

MakeJob = Callable[..., Job]  # of the changed parameters
PARAMS: dict[str, Any] = {
    "steps": 10,
    "batch_size": 9,
    "learning_rate": 3e-3,
    "warmup_ratio": 0.2,
    "weight_decay": 0.0,
    "max_grad_norm": 1.0,
    "seed": 3,
    "processes": 2,
    "hostfile": None,
    "zero_stage": 2,
    "offload": "none",
    "precision": "float32",
    "gradient_accumulation": 1,
    "gradient_checkpointing": False,
    "lora": None,
    "checkpoint_every": 4,
}


def record(job: Job) -> Any:
    """What the trainer wrote beside the model."""
    return json.loads((job.model / "training.json").read_text())


def plain_losses(job: Job) -> list[float]:
    """The specification: one process, torch's AdamW, each example on its own."""
    plan, _ = build_plan(job, processes=1)
    model = AutoModelForCausalLM.from_pretrained(job.base_model)
    optimizer = torch.optim.AdamW(model.parameters(), job.params.learning_rate, weight_decay=0)
    warmup = round(job.params.warmup_ratio * job.params.steps)
    schedule = get_cosine_schedule_with_warmup(optimizer, warmup, job.params.steps)
    losses = []
    for rows in plan.rows:
        total, weight = torch.zeros(()), 0.0
        for row in rows:
            example = plan.encoded[row]
            logits = model(torch.tensor([example.ids])).logits[0, example.prompt_tokens - 1 : -1]
            targets = torch.tensor(example.ids[example.prompt_tokens :])
            total = total + plan.weights[row] * cross_entropy(logits, targets, reduction="sum")
            weight += plan.weights[row] * example.target_tokens
        loss = total / weight
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), job.params.max_grad_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses
