"""Parameters of small training jobs, their records, and the losses that they should have."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, get_cosine_schedule_with_warmup

from lmsi_kedro.params import PreferenceParams
from lmsi_kedro.tasks.encoding import Encoded
from lmsi_kedro.training import Job
from lmsi_kedro.training.batches import BatchPlan, PairPlan
from lmsi_kedro.training.setup import build_plan

MakeJob = Callable[..., Job]  # takes the changed parameters
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
    """The record that the trainer wrote next to the model."""
    return json.loads((job.model / "training.json").read_text())


def plain_losses(job: Job) -> list[float]:
    """The expected losses, computed in one process, with torch's AdamW, and separately for each example."""
    plan, _ = build_plan(job, processes=1)
    model = AutoModelForCausalLM.from_pretrained(job.base_model)
    base = AutoModelForCausalLM.from_pretrained(job.base_model)
    optimizer = torch.optim.AdamW(model.parameters(), job.params.learning_rate, weight_decay=0)
    warmup = round(job.params.warmup_ratio * job.params.steps)
    schedule = get_cosine_schedule_with_warmup(optimizer, warmup, job.params.steps)
    losses = []
    for rows in plan.rows:
        if isinstance(plan, PairPlan):
            loss = preference_loss(model, base, plan, rows, job.params.preferences)
        else:
            loss = target_loss(model, plan, rows)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), job.params.max_grad_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def log_probability(model: Any, example: Encoded) -> torch.Tensor:
    """The log-probability of all target tokens of an example."""
    logits = model(torch.tensor([example.ids])).logits[0, example.prompt_tokens - 1 : -1]
    targets = torch.tensor(example.ids[example.prompt_tokens :])
    return -cross_entropy(logits, targets, reduction="sum")


def target_loss(model: Any, plan: BatchPlan, rows: Sequence[int]) -> torch.Tensor:
    """The mean over target tokens, each weighted by its example."""
    total, weight = torch.zeros(()), 0.0
    for row in rows:
        total = total - plan.weights[row] * log_probability(model, plan.encoded[row])
        weight += plan.weights[row] * plan.encoded[row].target_tokens
    return total / weight


def preference_loss(
    model: Any, base: Any, plan: PairPlan, rows: Sequence[int], params: PreferenceParams
) -> torch.Tensor:
    """Equation 3 of ScPO, as a weighted mean over pairs."""
    total = torch.zeros(())
    for row in rows:
        chosen = log_probability(model, plan.encoded[row])
        rejected = log_probability(model, plan.rejected[row])
        with torch.no_grad():
            chosen_before = log_probability(base, plan.encoded[row])
            rejected_before = log_probability(base, plan.rejected[row])
        margin = params.beta * ((chosen - chosen_before) - (rejected - rejected_before))
        likelihood = chosen / plan.encoded[row].target_tokens
        each = torch.log1p(torch.exp(-margin)) - params.nll * likelihood
        total = total + plan.weights[row] * each
    return total / len(rows)
