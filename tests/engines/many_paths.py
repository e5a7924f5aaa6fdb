"""Requests for more paths than rows, and an engine to sample them with."""

from pathlib import Path

import torch

from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine
from lmsi_kedro.engines.local.plain_decoder import PlainDecoder
from lmsi_kedro.params import Sampling

# With this seed, no sampled token would change if the sums were computed in a different order.
SAMPLING = Sampling(temperature=1.0, max_new_tokens=40, seed=4)
PROMPTS = {f"q{i}": f"Q: a?\nA: b.\n\nQ: {'9' * i}?\nA:" for i in range(12)}
REQUESTS = [Request(question, prompt, range(8)) for question, prompt in PROMPTS.items()]


def engine(model: Path, rows: int, decoder: str = "tree") -> LocalEngine:
    made = LocalEngine(model, torch.float32, rows=rows)
    if decoder == "plain":
        made.model.set_attn_implementation("sdpa")
        made.decoder = PlainDecoder(made.model)
    return made
