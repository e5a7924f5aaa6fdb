"""Saves a tuned model and proves it: loaded back, it gives the logits that the live one gave.

Full float32 weights are gathered from all ZeRO shards and written in the base model's number
format; every other file is the base model's own, byte for byte. Knows nothing of how the weights
came about.
"""

import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from deepspeed.utils import safe_get_full_fp32_param
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig
from transformers.integrations.deepspeed import unset_hf_deepspeed_config

from lmsi_kedro.durable import partial, publish
from lmsi_kedro.training.adapters import merged
from lmsi_kedro.training.encoding import Encoded
from lmsi_kedro.training.job import Job, TrainingError
from lmsi_kedro.training.logits import on_device, target_logits
from lmsi_kedro.training.target_trainer import TargetTrainer

EXAMPLES_COMPARED = 4
PROMPTS_ANSWERED = 5
log = logging.getLogger(__name__)


def save_checked(trainer: TargetTrainer, job: Job) -> None:
    """Publishes the model once it is loaded back and compared; all processes take part."""
    trust = job.trust_remote_code
    config = AutoConfig.from_pretrained(job.base_model, trust_remote_code=trust)
    model: Any = trainer.model
    probe = on_device(trainer.lay_out(trainer.plan.encoded[:EXAMPLES_COMPARED]), model.device)
    live = logits(trainer.model_wrapped, model, probe)
    dtype = config.dtype or torch.float32
    weights = gathered_weights(model, torch.float32 if job.params.lora else dtype)
    if trainer.is_world_process_zero():
        # Else models would be loaded in ZeRO-3 shards, which needs the other processes.
        unset_hf_deepspeed_config()
        prepared = partial(job.model)
        whole = merged_model(job, model, weights, dtype, prepared) if job.params.lora else model
        whole.save_pretrained(prepared, state_dict=None if job.params.lora else weights)
        copy_base_files(job.base_model, prepared)
        loaded = loaded_back(prepared, model, trust)
        compare(live, loaded, model.config._attn_implementation, probe)
        made = record(trainer, job) | {"stopped": stopped(loaded, trainer.plan.encoded)}
        (prepared / "training.json").write_text(json.dumps(made, indent=2))
        publish(prepared, job.model)
        shutil.rmtree(job.checkpoints)
    torch.distributed.barrier()


def gathered_weights(model: Any, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Whole trained parameters and saved buffers by name; an error if a shard was taken for a whole."""
    weights = {}
    trained = (
        (n, parameter) for n, parameter in model.named_parameters() if parameter.requires_grad
    )
    for name, parameter in trained:
        full = safe_get_full_fp32_param(parameter)
        weights[name] = (parameter.data if full is None else full).to("cpu", dtype)
        if weights[name].shape != getattr(parameter, "ds_shape", parameter.shape):
            raise TrainingError(f"The weight {name} could not be gathered from its shards.")
    saved = model.state_dict().keys()
    return weights | {name: value.cpu() for name, value in model.named_buffers() if name in saved}


def merged_model(
    job: Job, model: Any, weights: dict[str, torch.Tensor], dtype: torch.dtype, prepared: Path
) -> Any:
    """The base model with its trained adapters, added in float32; the adapters are saved beside it."""
    base = AutoModelForCausalLM.from_pretrained(
        job.base_model, dtype=torch.float32, trust_remote_code=job.trust_remote_code
    )
    return merged(model, base, weights, prepared).to(dtype)


def copy_base_files(base_model: Path, prepared: Path) -> None:
    """Tokenizer and configuration; of the base model's files only the weights are new."""
    for file in base_model.iterdir():
        weights = file.suffix in {".safetensors", ".bin"} or file.name.endswith(".index.json")
        if file.is_file() and not weights and file.name != "training.json":
            shutil.copyfile(file, prepared / file.name)


def loaded_back(prepared: Path, trained: Any, trust: bool) -> Any:
    """The saved model, to compute as the trained one does; an error when weights are missing."""
    loading: Any = AutoModelForCausalLM.from_pretrained(
        prepared,
        dtype=trained.dtype,
        output_loading_info=True,
        trust_remote_code=trust,
    )
    model, info = loading
    if info["missing_keys"] or info["unexpected_keys"]:
        raise TrainingError(f"The saved model does not load back: {info}.")
    return model.to(trained.device)


def compare(live: torch.Tensor, model: Any, attention: str, probe: dict[str, Any]) -> None:
    """An error unless the loaded model gives the logits of the trained one, with the same attention."""
    own = model.config._attn_implementation
    model.set_attn_implementation(attention)
    loaded = logits(model, model, probe)
    model.set_attn_implementation(own)
    saved = model.config.dtype or torch.float32
    # Rounding to the files' format is the only difference there may be.
    allowed = 16 * torch.finfo(saved).eps * live.abs().max().item()
    if not (difference := (loaded - live).abs().max().item()) <= allowed:
        raise TrainingError(
            f"The saved model is not the trained one: its logits differ by {difference:.3g}, "
            f"where rounding explains {allowed:.3g}."
        )


def stopped(model: Any, encoded: Sequence[Encoded]) -> dict[str, int]:
    """How many of a few greedy answers end by themselves, in twice the tokens of the longest target.

    A model that learned its targets without the end token would go on up to the limit, for every path.
    """
    spread = range(0, len(encoded), -(-len(encoded) // PROMPTS_ANSWERED))
    prompts = [encoded[row] for row in spread]
    limit = 2 * max(example.target_tokens for example in encoded)
    ended = sum(ends(model, example, limit) for example in prompts)
    if ended < len(prompts):
        log.warning(
            "Only %d of %d prompts were answered to an end in %d tokens: most paths of this model may be cut off. "
            "Train for more steps",
            ended,
            len(prompts),
            limit,
        )
    return {"prompts": len(prompts), "ended": ended}


def ends(model: Any, example: Encoded, limit: int) -> bool:
    """Whether the greedy answer to an example's prompt comes to its end token."""
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
    """Logits of the probe's target positions."""
    engine.eval()
    return target_logits(engine, model, probe).float()


def record(trainer: TargetTrainer, job: Job) -> dict[str, Any]:
    """How the model was made, for people and reports."""
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
