"""Serves the embedded student model with the fake server; choice i of a request is the path number seed + i."""

import threading
from pathlib import Path
from typing import Any

import polars as pl
import torch

from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.local import LocalEngine
from lmsi_kedro.params import Conversation, Sampling
from tests.engines.fake_server import Reply, answered

STUDENT = Path(__file__).parents[2] / "data" / "06_models" / "base_small"
SLOTS = 4


class Embedded:
    """Takes whole prompts, as servers do; the client applies the chat template."""

    def __init__(self, model: Path = STUDENT) -> None:
        plain = Conversation(chat="never")
        self.engine = LocalEngine(model, torch.float32, plain, rows=8)
        self.lock = threading.Lock()

    def answer(self, body: dict[str, Any], count: int) -> Reply:
        """Answers a request; like llama.cpp, rejects it if it wants more choices than there are slots."""
        if body.get("n", 1) > SLOTS:
            return 400, {"error": {"message": "n_cmpl cannot be greater than the number of slots"}}
        with self.lock:
            drawn = self.draw(body)
        tokens = len(self.engine.encoder.tokenizer.encode(body["prompt"]))
        return 200, answered(choices(drawn, body), tokens)

    def draw(self, body: dict[str, Any]) -> pl.DataFrame:
        """Sample the choices of a request; the columns are path, text, tokens, logprob and finish."""
        seed = body.get("seed", 0)
        paths = range(seed, seed + body.get("n", 1))
        sampling = Sampling(
            temperature=body["temperature"], max_new_tokens=body["max_tokens"], seed=0
        )
        request = Request("server", body["prompt"], paths)
        return self.engine.sample([request], sampling).drop("question_id")


def choices(drawn: pl.DataFrame, body: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "index": path - body.get("seed", 0), "text": f" {text}", "finish_reason": finish,
            "logprobs": {"token_logprobs": [logprob / tokens] * tokens},
        }
        for path, text, tokens, logprob, finish in drawn.iter_rows()
    ]  # fmt: skip
