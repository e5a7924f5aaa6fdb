"""A plan for six questions whose paths come from a fake server; the model is only a tokenizer."""

from pathlib import Path
from typing import Any

import polars as pl

from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, Sampling, ServerParams
from tests.engines.fake_server import FakeServer

DIGEST = "0123456789abcdef" * 4
PROMPTS = {f"q{i}": f"Q: a?\nA: b.\n\nQ: {i}?\nA:" for i in range(6)}
SAMPLING = Sampling(temperature=0.7, max_new_tokens=8, seed=3)


def plan(
    model: Path,
    *servers: FakeServer,
    sampling: Sampling = SAMPLING,
    m: int = 4,
    served: str = "served",
    prompts: dict[str, str] = PROMPTS,
    **changed: Any,
) -> Plan:
    """Plan m paths of each question; `changed` are fields of ServerParams."""
    server: dict[str, Any] = {
        "urls": [s.url for s in servers],
        "model": served,
        "revision": f"sha256:{DIGEST[:12]}",
        "retries": 3,
    }
    params = EngineParams(
        executor="server", ray_address=None, workers=1, dtype="auto", paths_per_chunk=8, rows=8, chat="auto",
        trust_remote_code=False, skip_too_long=False, server=ServerParams(**(server | changed)),
    )  # fmt: skip
    made = Plan(model, DIGEST, params)
    made.add(prompts, range(m), sampling, {"exemplar_set": "none"})
    return made


def sampled(made: Plan) -> pl.DataFrame:
    try:
        tables = [table for _, table in made.compute(list(made.chunks))]
    finally:
        made.close()
    return pl.concat(tables).sort("question_id", "path")


def asked(server: FakeServer) -> list[dict[str, Any]]:
    """The request bodies after the negotiation."""
    return [body for body in server.bodies if body["max_tokens"] == SAMPLING.max_new_tokens]
