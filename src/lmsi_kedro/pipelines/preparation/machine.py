"""Checks once, before anything is sampled, whether this machine or the servers can run the model."""

import logging
from pathlib import Path
from typing import Any

import polars as pl

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.architecture import check_int8
from lmsi_kedro.engines.capacity import demand
from lmsi_kedro.hardware import available_memory, gpus
from lmsi_kedro.params import EngineParams

log = logging.getLogger(__name__)
SAME = "the same plan, dtype and instruction set give the same bytes"
SEEDED = "stored paths are never sampled again; new ones are seeded, but a server does not promise the same bytes"
GUARANTEES = {"processes": SAME, "ray": SAME, "server": SEEDED, "launch": SEEDED}
LOGGED = ("chat", "context", "longest_prompt", "skipped_too_long")


def check_machine(
    fitting_questions: pl.DataFrame,
    model_findings: dict[str, Any],
    base_model: Model,
    engine: EngineParams,
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Returns the questions unchanged and all findings (preflight); a ValueError says what to change."""
    if engine.dtype == "int8":
        check_int8(base_model.path, engine.trust_remote_code)
        warn_of_slow_int8()
    needed = memory(base_model.path, engine, **model_findings["most_tokens"])
    check_servers(engine, base_model.path)
    found = {
        "memory_gib": round(needed / 2**30, 2),
        "device": "cuda" if gpus() else "cpu",
        "dtype": engine.number_format,
        "guarantee": GUARANTEES[engine.executor],
    }
    logged = {name: model_findings[name] for name in LOGGED} | found
    log.info("Preflight: %s", ", ".join(f"{name} {value}" for name, value in logged.items()))
    return fitting_questions, {**model_findings, **found}


def warn_of_slow_int8() -> None:
    """Warns if the CPU has no vector instructions that multiply int8 weights faster than other ones."""
    from lmsi_kedro.kernels import _native

    if _native.sampling_isa() == "scalar":
        log.warning(
            "engine.dtype=int8 is slower than float32 on a CPU without AVX2 (docs/sampling.md has the figures): "
            "set engine.dtype=auto"
        )


def check_servers(engine: EngineParams, model: Path) -> None:
    """Raises ValueError unless every server answers and lists the model, or can be started with it."""
    if engine.executor == "launch":
        from lmsi_kedro.engines.executors.launch import check_launch, check_model

        check_launch(engine)
        check_model(model, engine)
    if engine.executor != "server" or engine.server is None:
        return
    from lmsi_kedro.engines.server.fleet import Fleet

    for url, names in Fleet(engine.server).models().items():
        if names and engine.server.model not in names:
            raise ValueError(
                f"engine.server.model is {engine.server.model!r}, but {url} serves {', '.join(names)}"
            )


def memory(model: Path, engine: EngineParams, shared: int, own: int, new: int) -> int:
    """Estimates the bytes that all workers need, for prompts of `shared` prefix tokens and `own` further ones.

    Raises ValueError if not even one path per worker fits, and warns if engine.rows may not fit. Servers are not
    checked.
    """
    if engine.is_served:
        return 0
    needed = demand(model, engine, shared, own, new)
    total = engine.workers * needed.of(engine.rows or needed.rows(engine))
    free = available_memory()
    if engine.executor == "ray" or gpus() or total <= free:
        return total
    if (least := engine.workers * needed.of(1)) > free:
        raise ValueError(
            f"one path per worker needs {least / 2**30:.1f} GiB of memory, but {free / 2**30:.1f} are free: "
            "lower engine.workers, or use a smaller model"
        )
    log.warning(
        "Sampling may need %.1f GiB of memory, but %.1f are free: lower engine.rows or engine.workers",
        total / 2**30,
        free / 2**30,
    )
    return total
