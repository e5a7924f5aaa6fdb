"""Finds problems with questions and model before the first token is sampled.

This reads the model's tokenizer and configuration, but not its weights. `machine` checks memory and servers.
"""

import logging
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.architecture import text_config
from lmsi_kedro.engines.capacity import longest, parts_of
from lmsi_kedro.engines.context import Context
from lmsi_kedro.model_files import check_settings
from lmsi_kedro.params import EngineParams, EvaluationParams, PathParams, TrainingParams, tokens_for
from lmsi_kedro.pipelines.preparation.choices import choices
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.tasks.chat import lacking
from lmsi_kedro.tasks.encoding import Encoder
from lmsi_kedro.tasks.questions import prompts_of_sets
from lmsi_kedro.tasks.turns import SEPARATOR, Turn, turns_of
from lmsi_kedro.training.encoding import check_vocabulary

log = logging.getLogger(__name__)


def check_model(
    prepared_questions: pl.DataFrame,
    exemplars: pl.DataFrame,
    base_model: Model,
    tasks: Tasks,
    path_params: PathParams,
    evaluation: EvaluationParams,
    training: TrainingParams,
    engine: EngineParams,
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Returns the questions that fit the model's context, and model_findings; a ValueError says what to change."""
    check_settings(base_model.path)
    context = Context.of(base_model.path, engine)
    encoder = context.encoder
    if encoder.tokenizer.eos_token_id is None and not encoder.frame.end:
        raise ValueError(
            f"{base_model.path} has no end token, so no path could stop: set eos_token in tokenizer_config.json"
        )
    check_vocabulary(encoder.tokenizer, text_config(base_model.path, engine.trust_remote_code))
    check_plain(prepared_questions, tasks, encoder)
    chosen = choices(base_model, path_params, evaluation, training)
    new_tokens = max(
        path_params.sampling.of(base_model).max_new_tokens,
        tokens_for(evaluation.max_new_tokens, base_model),
    )
    check_round_trip(
        encoder,
        prompt_groups(prepared_questions.unique("task", maintain_order=True), exemplars, tasks),
    )
    too_long = context.too_long(prompt_groups(prepared_questions, exemplars, tasks), new_tokens)
    refuse_too_long(too_long, context, new_tokens, engine)
    questions = prepared_questions.filter(~pl.col("question_id").is_in(list(too_long)))
    groups = prompt_groups(questions, exemplars, tasks)
    parts = [parts_of(encoder, list(group.values())) for group in groups]
    shared, own = longest(parts)
    return questions, {
        "chat": encoder.frame.is_chat,
        "context": context.tokens,
        "longest_prompt": max(map(sum, parts), default=0),
        "skipped_too_long": len(too_long),
        "parameters": base_model.parameters,
        "chosen": chosen,
        "most_tokens": {"shared": shared, "own": own, "new": new_tokens},
    }


def prompt_groups(
    questions: pl.DataFrame, exemplars: pl.DataFrame, tasks: Tasks
) -> Iterator[dict[str, str]]:
    """Yields groups of prompts with a common prefix; they are rendered on every call, to save memory."""
    for name, task in tasks.root.items():
        yield from prompts_of_sets(questions.filter(task=name), exemplars, task)


def check_plain(questions: pl.DataFrame, tasks: Tasks, encoder: Encoder) -> None:
    """Raises ValueError for turns and templates that do not work with a model whose prompts are plain text."""
    if not (lack := lacking(encoder.tokenizer, encoder.conversation)):
        return
    for name, task in tasks.root.items():
        if task.exemplar_set and task.exemplars == "turns":
            raise ValueError(
                f"prompts.exemplars is turns (task {name}), but {lack}, or leave it at text"
            )
        if task.exemplar_set and (prompt_format := task.unstoppable):
            raise ValueError(
                f"tasks.{name}.templates.{prompt_format}: in plain text, a question after {{exemplars}} must "
                "begin with Q:, because sampling stops there if the model continues with another question"
            )
    turned = questions.filter(pl.col("context").str.starts_with(SEPARATOR))
    if turned.height:
        raise ValueError(
            f"questions: {turned.height:,} have earlier turns in `messages`, such as {turned['question'][0]!r}, "
            f"but {lack}"
        )


def check_round_trip(encoder: Encoder, prompts: Iterable[dict[str, str]]) -> None:
    """Logs a warning for a prompt whose tokens do not decode to its text."""
    for text in (text for group in prompts for text in group.values()):
        (ids,) = encoder.prompts([text])
        decoded = encoder.tokenizer.decode(ids)
        if any(content not in decoded for _, content in turns_of(text) or [Turn("user", text)]):
            log.warning("The tokenizer changes the text of prompts, such as %r", text[-80:])


def refuse_too_long(
    too_long: dict[str, int], context: Context, new_tokens: int, engine: EngineParams
) -> None:
    """Raises ValueError for questions that are too long, or only warns with `engine.skip_too_long`."""
    if not too_long:
        return
    problem = context.describe("question", too_long, new_tokens)
    if not engine.skip_too_long:
        raise ValueError(
            f"{problem}. Leave them out with engine.skip_too_long=true, or use fewer exemplars"
        )
    log.warning("Left out: %s", problem)
