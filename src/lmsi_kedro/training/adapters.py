"""Low-rank adapters (LoRA) with PEFT: only they are trained, and they are saved and merged into the model."""

from pathlib import Path
from typing import Any

import torch

from lmsi_kedro.model_files import ADAPTER
from lmsi_kedro.params import LoraParams
from lmsi_kedro.training.job import TrainingError


def with_adapters(model: Any, lora: LoraParams) -> Any:
    """Adds adapters, the only trainable weights, to the model; TrainingError for a target that is not a module."""
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise TrainingError("training.lora needs PEFT: pip install 'lmsi-kedro[lora]'") from None
    check_targets(model, lora)
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # PEFT accepts any number
        lora_dropout=lora.dropout,
        target_modules=lora.targets,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def check_targets(model: Any, lora: LoraParams) -> None:
    """Raises TrainingError for a target that matches no module; the message lists the existing modules."""
    linear = (
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) or type(module).__name__ == "Conv1D"
    )
    names = sorted({name.rpartition(".")[2] for name in linear})
    for target in [] if lora.targets == "all-linear" else lora.targets:
        if target not in names:
            raise TrainingError(
                f"training.lora.targets: no linear module of the base model is called {target!r}; "
                f"choose from {', '.join(names)}, or all-linear for all of them."
            )


def merged(model: Any, base: Any, adapters: dict[str, torch.Tensor], folder: Path) -> Any:
    """The base model with trained adapters added to its weights; the adapters are saved in a folder."""
    from peft import get_peft_model, set_peft_model_state_dict

    loaded = get_peft_model(base, model.peft_config["default"])
    short = {name.replace(".default.", "."): value for name, value in adapters.items()}
    set_peft_model_state_dict(loaded, short)
    loaded.save_pretrained(folder / ADAPTER)
    return loaded.merge_and_unload()
