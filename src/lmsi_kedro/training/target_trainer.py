"""`transformers.Trainer` with the loss on target tokens only, and the log of its steps."""

import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import Trainer, TrainerCallback

from lmsi_kedro.hardware import available_memory
from lmsi_kedro.tasks.encoding import Encoded
from lmsi_kedro.training.batches import BatchPlan, MicroBatches
from lmsi_kedro.training.checkpoints import seal
from lmsi_kedro.training.forest import pad, plant
from lmsi_kedro.training.job import Job, TrainingError
from lmsi_kedro.training.logits import on_device, target_logits, unsupported_reason
from lmsi_kedro.training.recompute import Recomputed

log = logging.getLogger(__name__)
ADVICE = "Lower learning_rate, or train in float32."


class TargetTrainer(Trainer):
    """Trains on a plan's micro-batches; `ids` name the plan's rows in error messages."""

    def __init__(self, job: Job, plan: BatchPlan, ids: list[str], **rest: Any) -> None:
        super().__init__(**rest)
        self.job = job
        self.plan = plan
        self.ids = ids
        self.micro_batches = MicroBatches(plan, self.args.process_index)
        # The loss of a micro-batch is already divided by the weight of the whole step.
        self.loss_is_scaled_for_ga = True

    def get_train_dataloader(self) -> torch.utils.data.DataLoader[list[int]]:
        """This process's micro-batches in the plan's order; the default loader would shuffle them."""
        return torch.utils.data.DataLoader(
            self.micro_batches, batch_size=1, collate_fn=lambda batch: {"rows": batch[0]}
        )

    @cached_property
    def recomputed(self) -> Recomputed | None:
        """The layers whose activations may be recomputed; None if all are, or none."""
        if not self.job.params.gradient_checkpointing or self.args.device.type != "cpu":
            return None
        model: Any = self.model
        return Recomputed(model, available_memory() // self.plan.processes)

    @cached_property
    def lay_out(self) -> Callable[[Sequence[Encoded]], dict[str, Any]]:
        """The function that batches examples: `plant`, or `pad` if the model does not support packed batches."""
        reason = unsupported_reason(self.model_wrapped, self.model, self.plan.encoded)
        if reason:
            log.warning(
                "Training without packed batches, since this model does not support them: %s",
                reason,
            )
        return pad if reason else plant

    def compute_loss(self, model: Any, inputs: dict[str, Any], *_: Any, **__: Any) -> torch.Tensor:
        """This process's part of the step's loss; TrainingError names the examples if it is not finite."""
        rows = inputs["rows"]
        # Gradients are averaged over processes, hence the factor.
        scale = self.plan.processes / self.plan.weight(self.state.global_step)
        weights = np.array([self.plan.weights[row] * scale for row in rows], dtype=np.float32)
        loss = self.weighted_loss(model, rows, weights)
        if not torch.isfinite(loss):
            names = ", ".join(self.ids[row] for row in rows)
            raise TrainingError(
                f"The loss of step {self.state.global_step + 1} is {loss.item()}, in one of the "
                f"examples {names}; the last good checkpoint is kept. {ADVICE}"
            )
        return loss

    def weighted_loss(self, model: Any, rows: list[int], weights: np.ndarray) -> torch.Tensor:
        """The sum of the target tokens' losses, each weighted by its row."""
        each, lengths = self.token_losses(model, rows)
        return each @ torch.from_numpy(weights.repeat(lengths)).to(each.device)

    def token_losses(self, model: Any, rows: list[int]) -> tuple[torch.Tensor, list[int]]:
        """The negative log-probability of each target token, and the number of target tokens per sequence."""
        encoded = [each for row in rows for each in self.plan.sequences(row)]
        batch = on_device(self.lay_out(encoded), self.args.device)
        if self.recomputed:
            self.recomputed.fit(batch["input_ids"].numel())
        logits = target_logits(model, self.model, batch)
        each = cross_entropy(logits.float(), batch["targets"], reduction="none")
        return each, [sequence.target_tokens for sequence in encoded]

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Does nothing, because DeepSpeed's own files contain the weights of a checkpoint."""


class StepLog(TrainerCallback):
    """Appends each step to a JSON lines file, stops at a non-finite gradient, and seals checkpoints."""

    def __init__(self, path: Path, plan: BatchPlan) -> None:
        self.path = path
        self.plan = plan
        self.start = time.monotonic()
        self.seconds_before = 0.0  # training time before the checkpoint that is resumed
        self.first_step = 0
        self.tokens = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.start = time.monotonic()
        self.first_step = state.global_step
        self.seconds_before = state.log_history[-1]["seconds"] if state.log_history else 0.0

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        logs = kwargs["logs"]
        if "loss" not in logs:
            return
        if not math.isfinite(logs.get("grad_norm", 0.0)):
            raise TrainingError(
                f"The gradient of step {state.global_step} is not finite; the last good checkpoint "
                f"is kept. {ADVICE}"
            )
        state.log_history[-1]["seconds"] = self.seconds_before + time.monotonic() - self.start
        if state.is_world_process_zero:
            self.append(state.global_step, logs)

    def append(self, step: int, logs: dict[str, float]) -> None:
        """Appends a line with the average speed and the estimated time left."""
        self.tokens += self.plan.tokens(step - 1)
        seconds = time.monotonic() - self.start
        line = {
            "step": step,
            "steps": self.plan.steps,
            **logs,
            "tokens_per_second": self.tokens / seconds,
            "seconds_left": seconds / (step - self.first_step) * (self.plan.steps - step),
        }
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Seals the checkpoint once every process has written its part."""
        torch.distributed.barrier()
        checkpoint = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        seal(checkpoint, args.process_index, args.world_size)
        torch.distributed.barrier()
