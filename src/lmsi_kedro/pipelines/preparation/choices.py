"""Resolves parameters that are `auto` for a model, and logs them before anything is sampled."""

import logging
from importlib.util import find_spec
from typing import Any

from lmsi_kedro.params import EvaluationParams, PathParams, Sized, TrainingParams, tokens_for

log = logging.getLogger(__name__)


def choices(
    model: Sized, path_params: PathParams, evaluation: EvaluationParams, training: TrainingParams
) -> dict[str, Any]:
    """Resolves the parameters that are `auto`; raises ValueError if LoRA needs a missing package."""
    sampling, few, many = path_params.sampling, training.of(model, 1), training.of(model, 10**6)
    if few.lora and find_spec("peft") is None:
        raise ValueError(
            f"training.lora is {training.lora}, which needs PEFT: pip install 'lmsi-kedro[lora]', or train all "
            "weights with training.lora=null"
        )
    decided = {
        "paths.sampling.max_new_tokens": (
            sampling.max_new_tokens,
            sampling.of(model).max_new_tokens,
        ),
        "evaluation.max_new_tokens": (
            evaluation.max_new_tokens,
            tokens_for(evaluation.max_new_tokens, model),
        ),
        "training.steps": (
            training.steps,
            few.steps if few.steps == many.steps else "by the number of examples",
        ),
        "training.learning_rate": (training.learning_rate, few.learning_rate),
        "training.gradient_checkpointing": (
            training.gradient_checkpointing,
            few.gradient_checkpointing,
        ),
        "training.lora": (training.lora, few.lora and few.lora.model_dump()),
    }
    chosen = {name: value for name, (setting, value) in decided.items() if setting == "auto"}
    if chosen:
        log.info(
            "Chosen for a model of %s M parameters: %s",
            f"{model.parameters / 1e6:,.1f}",
            ", ".join(f"{name} {value}" for name, value in chosen.items()),
        )
    return chosen
