"""Everything about a model that would fail later is found here, before the first token is sampled.

Needs its tokenizer and configuration only, not its weights.
"""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.architecture import text_config
from lmsi_kedro.engines.capacity import demand, longest, parts_of
from lmsi_kedro.engines.context import Context
from lmsi_kedro.hardware import available_memory, gpus
from lmsi_kedro.params import EngineParams, EvaluationParams, PathParams, TrainingParams, tokens_for
from lmsi_kedro.pipelines.preparation.choices import choices
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.tasks.encoding import Encoder
from lmsi_kedro.tasks.questions import prompts_of_sets
from lmsi_kedro.training.encoding import check_vocabulary

log = logging.getLogger(__name__)
SAME = "the same plan, dtype and instruction set give the same bytes"
GUARANTEES = {
    "processes": SAME,
    "ray": SAME,
    "server": "stored paths are never drawn again; others are the server's: seeded, not promised byte for byte",
}


def check_model(
    prepared_questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    base_model: Model,
    tasks: Tasks,
    paths: PathParams,
    evaluation: EvaluationParams,
    training: TrainingParams,
    engine: EngineParams,
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """questions that the model can take, and preflight: what was found. ValueError says what to change."""
    context = Context.of(base_model.path, engine)
    encoder = context.encoder
    if encoder.tokenizer.eos_token_id is None and not encoder.frame.end:
        raise ValueError(
            f"{base_model.path} has no end token, so no path could stop: set eos_token in tokenizer_config.json"
        )
    check_vocabulary(encoder.tokenizer, text_config(base_model.path, engine.trust_remote_code))
    chosen = choices(base_model, paths, evaluation, training)
    new_tokens = max(
        paths.sampling.of(base_model).max_new_tokens,
        tokens_for(evaluation.max_new_tokens, base_model),
    )
    check_round_trip(encoder, asked(prepared_questions.unique("task"), exemplars, tasks))
    too_long = context.too_long(asked(prepared_questions, exemplars, tasks), new_tokens)
    refuse_too_long(too_long, context, new_tokens, engine)
    questions = prepared_questions.filter(~pl.col("question_id").is_in(list(too_long)))
    groups = asked(questions, exemplars, tasks)
    parts = [parts_of(encoder, list(group.values())) for group in groups]
    needed = memory(base_model.path, engine, *longest(parts), new_tokens)
    check_servers(engine)
    found = {
        "chat": encoder.frame.is_chat,
        "context": context.tokens,
        "longest_prompt": max(map(sum, parts), default=0),
        "skipped_too_long": len(too_long),
        "memory_gib": round(needed / 2**30, 2),
        "device": "cuda" if gpus() else "cpu",
        "dtype": engine.number_format,
        "guarantee": GUARANTEES[engine.executor],
    }
    log.info("Preflight: %s", ", ".join(f"{name} {value}" for name, value in found.items()))
    return questions, {**found, "parameters": base_model.parameters, "chosen": chosen}


def asked(
    questions: pl.DataFrame, exemplars: pl.DataFrame, tasks: Tasks
) -> Iterator[dict[str, str]]:
    """Groups of prompts that begin alike; rendered anew each time, since all of them may not fit into memory."""
    for name, task in tasks.root.items():
        yield from prompts_of_sets(questions.filter(task=name), exemplars, task)


def check_round_trip(encoder: Encoder, prompts: Iterable[dict[str, str]]) -> None:
    """A warning for a prompt whose tokens do not give its text back."""
    for text in (text for group in prompts for text in group.values()):
        (ids,) = encoder.prompts([text])
        if text not in encoder.tokenizer.decode(ids):
            log.warning("The tokenizer changes what it is given, as in %r", text[-80:])


def refuse_too_long(
    too_long: dict[str, int], context: Context, new_tokens: int, engine: EngineParams
) -> None:
    """ValueError that names the longest questions, or a warning with `engine.skip_too_long`."""
    if not too_long:
        return
    said = f"{len(too_long):,} questions {context.said(too_long, new_tokens)}"
    if not engine.skip_too_long:
        raise ValueError(
            f"{said}. Leave them out with engine.skip_too_long=true, or use fewer exemplars"
        )
    log.warning("%s. They are left out", said)


def check_servers(engine: EngineParams) -> None:
    """ValueError unless every server answers and lists the model."""
    if engine.executor != "server" or engine.server is None:
        return
    from lmsi_kedro.engines.server.fleet import Fleet

    for url, names in Fleet(engine.server).models().items():
        if names and engine.server.model not in names:
            raise ValueError(
                f"engine.server.model is {engine.server.model!r}, but {url} serves {', '.join(names)}"
            )


def memory(model: Path, engine: EngineParams, shared: int, own: int, new: int) -> int:
    """Bytes that sampling needs in all workers, for prompts of shared and own tokens.

    ValueError if not even one row has room in each; a warning if engine.rows may not have. Servers have their own.
    """
    if engine.executor == "server":
        return 0
    needed = demand(model, engine, shared, own, new)
    total = engine.workers * needed.of(engine.rows or needed.rows(engine))
    free = available_memory()
    if engine.executor == "ray" or gpus() or total <= free:
        return total
    if (least := engine.workers * needed.of(1)) > free:
        raise ValueError(
            f"one row in each worker needs {least / 2**30:.1f} GiB of memory, {free / 2**30:.1f} are free: "
            "lower engine.workers, or use a smaller model"
        )
    log.warning(
        "Sampling may need %.1f GiB of memory, %.1f are free: lower engine.rows or engine.workers",
        total / 2**30,
        free / 2**30,
    )
    return total
