"""Preference training: ScPO (Prasad et al. 2024, arXiv 2411.04109, equation 3) on the batches of `target_trainer`.

A row of the plan is a pair of answers to one prompt. The model learns to prefer the chosen one to the rejected
one, relative to the base model, whose log-probabilities are computed once and stored in the job folder. With
weights of 1 and nll 0 this is DPO.
"""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from lmsi_kedro import durable
from lmsi_kedro.params import PreferenceParams
from lmsi_kedro.training.checkpoints import agreed
from lmsi_kedro.training.job import TrainingError, reading
from lmsi_kedro.training.target_trainer import TargetTrainer

COLUMNS = ["chosen", "rejected"]


def preference_loss(
    logs: Tensor, reference: Tensor, lengths: Tensor, params: PreferenceParams
) -> Tensor:
    """-log sigmoid(beta (r_chosen - r_rejected)) - nll / |chosen| log p(chosen), for each pair.

    logs, reference [pairs, 2]: log-probabilities of the chosen and the rejected answers; r = logs - reference.
    lengths [pairs]: the number of tokens of the chosen answers.
    """
    ratios = params.beta * (logs - reference)
    return -logsigmoid(ratios[:, 0] - ratios[:, 1]) - params.nll * logs[:, 0] / lengths


class PreferenceTrainer(TargetTrainer):
    """Trains on the pairs of a `PairPlan`."""

    def weighted_loss(self, model: Any, rows: list[int], weights: np.ndarray) -> Tensor:
        """The weighted sum of the pairs' losses."""
        reference = self.reference[rows].to(self.args.device)
        logs = self.log_probabilities(model, rows)
        lengths = torch.tensor([self.plan.encoded[row].target_tokens for row in rows])
        each = preference_loss(
            logs, reference, lengths.to(logs.device), self.job.params.preferences
        )
        return each @ torch.from_numpy(weights).to(each.device)

    def log_probabilities(self, model: Any, rows: list[int]) -> Tensor:
        """The log-probabilities [pairs, 2] of the chosen and the rejected answer of each pair."""
        each, lengths = self.token_losses(model, rows)
        return -torch.stack([tokens.sum() for tokens in each.split(lengths)]).view(-1, 2)

    @cached_property
    def reference(self) -> Tensor:
        """The base model's log-probabilities [pairs, 2]; first used in step 1, before the model has changed."""
        path = self.job.reference
        found = stored(path, self.ids)
        if agreed(found is not None, self.args.device) and found is not None:
            return found
        if self.state.global_step:
            raise TrainingError(
                f"{path} is missing or damaged, and the model has been trained since it was computed: "
                f"remove {self.job.checkpoints} to train from the start."
            )
        computed = self.computed_reference()
        if self.is_world_process_zero():
            table = pl.DataFrame(computed.numpy(), schema=COLUMNS)
            with durable.file(path) as temporary:
                table.insert_column(0, pl.Series("example_id", self.ids)).write_parquet(temporary)
        return computed

    @torch.no_grad()
    def computed_reference(self) -> Tensor:
        """Computes the reference in all processes.

        A process without a batch computes a pair again, since ZeRO-3 needs every process in each forward pass.
        """
        model, plan = self.model_wrapped, self.plan
        order = sorted(range(len(plan.encoded)), key=lambda row: plan.encoded[row].ids)
        logs = torch.zeros(len(order), 2, device=self.args.device)
        size = self.args.per_device_train_batch_size
        was_training = model.training
        model.eval()
        for start in range(0, len(order), size * plan.processes):
            first = start + size * self.args.process_index
            rows = order[first : first + size]
            found = self.log_probabilities(model, rows or order[:1])
            if rows:
                logs[rows] = found
        model.train(was_training)
        torch.distributed.all_reduce(logs)
        return logs.cpu()


def stored(path: Path, ids: list[str]) -> Tensor | None:
    """The log-probabilities in a file; None if it is missing, damaged or does not have all pairs."""
    try:
        with reading(path):
            table = pl.read_parquet(path)
        whole = table["example_id"].to_list() == ids
        return torch.from_numpy(table.select(COLUMNS).to_numpy().copy()) if whole else None
    except (FileNotFoundError, pl.exceptions.PolarsError):
        return None
