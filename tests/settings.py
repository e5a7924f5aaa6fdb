"""The engine and training parameters of a run on the embedded model."""

from typing import Any

TRAINING: dict[str, Any] = {
    "steps": 5, "batch_size": 4, "learning_rate": 1e-3, "warmup_ratio": 0.1, "weight_decay": 0.0,
    "max_grad_norm": 1.0, "seed": 1, "processes": 1, "hostfile": None, "zero_stage": 2, "offload": "none",
    "precision": "auto", "gradient_accumulation": 1, "gradient_checkpointing": False, "lora": None,
    "checkpoint_every": 5,
}  # fmt: skip
ENGINE: dict[str, Any] = {
    "executor": "processes", "ray_address": None, "workers": 1, "dtype": "float32", "paths_per_chunk": 8,
    "rows": 8, "chat": "auto", "trust_remote_code": False, "skip_too_long": False,
}  # fmt: skip
