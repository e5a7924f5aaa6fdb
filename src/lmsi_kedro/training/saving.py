"""Saves a tuned model and verifies that the files contain its weights and reproduce its logits.

The weights are gathered from all ZeRO shards, compared in full precision and written in the number format of the
base model's files; every other file is copied from the base model.
"""

import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from deepspeed.utils import safe_get_full_fp32_param
from transformers import AutoModelForCausalLM, GenerationConfig
from transformers.integrations.deepspeed import unset_hf_deepspeed_config

from lmsi_kedro.durable import partial, publish
from lmsi_kedro.kernels.attention import ROUNDING
from lmsi_kedro.model_files import (
    INDEX,
    RECORD,
    content_digest,
    licenses,
    load_model,
    number_format,
    setting_files,
)
from lmsi_kedro.tasks.encoding import Encoded
from lmsi_kedro.training.adapters import merged
from lmsi_kedro.training.job import Job, TrainingError
from lmsi_kedro.training.logits import on_device, target_logits
from lmsi_kedro.training.target_trainer import TargetTrainer

EXAMPLES_COMPARED = 4
PROMPTS_ANSWERED = 5
log = logging.getLogger(__name__)


def save_checked(trainer: TargetTrainer, job: Job) -> None:
    """Saves the model, loads it again and compares it before it is published; all processes must call this."""
    model: Any = trainer.model
    probe = on_device(trainer.lay_out(trainer.plan.encoded[:EXAMPLES_COMPARED]), model.device)
    live = logits(trainer.model_wrapped, model, probe)
    stored = getattr(torch, number_format(job.base_model))
    exact = torch.float32 if job.params.lora else torch.promote_types(stored, model.dtype)
    weights = gathered_weights(model, exact)
    if trainer.is_world_process_zero():
        # Otherwise ZeRO-3 would load models in shards, which needs the other processes.
        unset_hf_deepspeed_config()
        prepared = partial(job.model)
        whole = merged_model(job, model, weights, prepared) if job.params.lora else model
        if job.params.lora:
            weights = {name: parameter.data for name, parameter in whole.named_parameters()}
        rounded = {name: weight.to(stored) for name, weight in weights.items()}
        whole.save_pretrained(prepared, state_dict=rounded | saved_buffers(whole))
        copy_base_files(job.base_model, prepared)
        loaded = loaded_back(prepared, model, rounded, job.trust_remote_code)
        made = record(trainer, job) | {"stopped": stopped(loaded, trainer.plan.encoded)}
        made["digest"] = content_digest(prepared)
        loaded.load_state_dict(weights, strict=False)  # unrounded, as in the trained model
        compare(live, loaded, model.config._attn_implementation, probe)
        (prepared / RECORD).write_text(json.dumps(made, indent=2))
        publish(prepared, job.model)
        shutil.rmtree(job.checkpoints)
    torch.distributed.barrier()


def gathered_weights(model: Any, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The trained parameters by name, gathered from their shards; TrainingError if one is incomplete."""
    weights = {}
    trained = (
        (n, parameter) for n, parameter in model.named_parameters() if parameter.requires_grad
    )
    for name, parameter in trained:
        full = safe_get_full_fp32_param(parameter)
        weights[name] = (parameter.data if full is None else full).to("cpu", dtype)
        if weights[name].shape != getattr(parameter, "ds_shape", parameter.shape):
            raise TrainingError(f"The weight {name} could not be gathered from its shards.")
    return weights


def saved_buffers(model: Any) -> dict[str, torch.Tensor]:
    saved = model.state_dict().keys()
    return {name: value.cpu() for name, value in model.named_buffers() if name in saved}


def merged_model(job: Job, model: Any, adapters: dict[str, torch.Tensor], prepared: Path) -> Any:
    """The base model with the trained adapters added in float32; the adapters are also saved on their own."""
    base = load_model(job.base_model, torch.float32, job.trust_remote_code)
    return merged(model, base, adapters, prepared)


def copy_base_files(base_model: Path, prepared: Path) -> None:
    """Copies tokenizer, configuration and licenses; only the weights differ from the base model's files."""
    for file in [*setting_files(base_model), *licenses(base_model)]:
        if file.name != INDEX:
            shutil.copyfile(file, prepared / file.name)


def loaded_back(prepared: Path, trained: Any, weights: dict[str, torch.Tensor], trust: bool) -> Any:
    """Loads the saved model in the dtype of the trained one; TrainingError unless the weights are unchanged."""
    loading: Any = AutoModelForCausalLM.from_pretrained(
        prepared,
        dtype=trained.dtype,
        output_loading_info=True,
        trust_remote_code=trust,
    )
    model, info = loading
    if info["missing_keys"] or info["unexpected_keys"]:
        raise TrainingError(f"The saved model does not load back: {info}.")
    read = model.state_dict()
    for name, weight in weights.items():
        if not torch.equal(read[name], weight.to(read[name].dtype)):
            raise TrainingError(f"The saved model does not load back: {name} differs.")
    return model.to(trained.device)


def compare(live: torch.Tensor, model: Any, attention: str, probe: dict[str, Any]) -> None:
    """Raises TrainingError unless the loaded model gives the logits of the trained one with the same attention.

    The logits may differ by rounding, because adapters are already merged into the weights.
    """
    own = model.config._attn_implementation
    model.set_attn_implementation(attention)
    loaded = logits(model, model, probe)
    model.set_attn_implementation(own)
    allowed = ROUNDING[model.dtype] * live.abs().max().item()
    if not (difference := (loaded - live).abs().max().item()) <= allowed:
        raise TrainingError(
            f"The saved model is not the trained one: its logits differ by {difference:.3g}, "
            f"but rounding explains only {allowed:.3g}."
        )


def stopped(model: Any, encoded: Sequence[Encoded]) -> dict[str, int]:
    """Counts how many of a few greedy answers end within twice the length of the longest target.

    A model that has not learned the end token would continue every path up to the length limit.
    """
    spread = range(0, len(encoded), -(-len(encoded) // PROMPTS_ANSWERED))
    prompts = [encoded[row] for row in spread]
    limit = 2 * max(example.target_tokens for example in encoded)
    ended = sum(ends(model, example, limit) for example in prompts)
    if ended < len(prompts):
        log.warning(
            "Only %d of %d greedy answers ended within %d tokens: most paths of this model may be cut off. "
            "Train for more steps",
            ended,
            len(prompts),
            limit,
        )
    return {"prompts": len(prompts), "ended": ended}


def ends(model: Any, example: Encoded, limit: int) -> bool:
    """Whether the greedy answer to an example's prompt ends with an end token."""
    room = getattr(model.config, "max_position_embeddings", None) or 1 << 30
    prompt = torch.tensor([example.ids[: example.prompt_tokens]], device=model.device)
    end = example.ids[-1]
    tokens = min(limit, room - example.prompt_tokens)
    config = GenerationConfig(
        max_new_tokens=tokens, do_sample=False, eos_token_id=end, pad_token_id=end
    )
    mask = torch.ones_like(prompt)
    written = model.generate(prompt, attention_mask=mask, generation_config=config)
    return bool(written[0, -1] == end)


@torch.no_grad()
def logits(engine: Any, model: Any, probe: dict[str, Any]) -> torch.Tensor:
    """The logits at the target positions of the probe."""
    engine.eval()
    return target_logits(engine, model, probe).float()


def record(trainer: TargetTrainer, job: Job) -> dict[str, Any]:
    """Describes how the model was trained; this is saved with the model and shown in the report."""
    steps = [entry for entry in trainer.state.log_history if "loss" in entry]
    plan, model = trainer.plan, cast(Any, trainer.model)
    return {
        "base_model": job.base_model.name,
        "params": job.params.model_dump(),
        "precision": str(model.dtype).removeprefix("torch."),
        "examples": len(plan.encoded),
        "tokens": sum(plan.tokens(step) for step in range(plan.steps)),
        "target_tokens": sum(plan.target_tokens(step) for step in range(plan.steps)),
        "seconds": steps[-1]["seconds"],
        "losses": [entry["loss"] for entry in steps],
    }
