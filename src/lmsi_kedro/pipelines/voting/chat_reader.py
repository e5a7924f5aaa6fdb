"""Unparsable paths -> replies of a chat endpoint -> the answers that the replies copy from the paths.

The reader is used if `voting.reader` is set. The rules of the task canonicalise the copied answer; paths that they
can parse are never sent. Evaluation, headroom and monitoring use the rules alone.
"""

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date

import polars as pl
from kedro.pipeline import Node, Pipeline

from lmsi_kedro import schemas
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.engines.sample import Stored as StoredReplies
from lmsi_kedro.engines.server.answer_reader import PROMPT, TOKENS, AnswerReader
from lmsi_kedro.params import ReaderParams, VotingParams
from lmsi_kedro.tasks import Task, Tasks, answers
from lmsi_kedro.wiring import Stored, namespaced

log = logging.getLogger(__name__)
ID = ["question_id", "path"]
FILLED = ["key", "surface", "start", "end", "rule"]
PARSING = re.compile(r"(round_\d+)\.read_answers")


def with_reader(pipeline: Pipeline) -> Pipeline:
    """Inserts the reader after the node that parses the paths, in every round."""
    for name in [match[1] for node in pipeline.nodes if (match := PARSING.fullmatch(node.name))]:
        parsing = pipeline.only_nodes(f"{name}.read_answers")
        renamed = Pipeline(parsing, outputs={f"{name}.readings": f"{name}.rule_readings"})
        reading = namespaced(create_reading(), name, {"questions", "tasks"}, {})
        pipeline = (pipeline - parsing) + renamed + reading
    return pipeline


def create_reading() -> Pipeline:
    """rule_readings, paths -> replies -> readings."""
    inputs = ["rule_readings", "paths", "paths_sampling_plan", "first_day", "stored_replies"]
    return Pipeline(
        [
            Node(
                ask_reader, inputs=[*inputs, "params:voting"], outputs="replies", name="ask_reader"
            ),
            Node(
                fill_abstentions,
                inputs=["rule_readings", "replies", "questions", "tasks"],
                outputs="readings",
                name="fill_abstentions",
            ),
        ]
    )


def ask_reader(
    readings: pl.DataFrame,
    paths: Stored,
    plan: Plan,
    first_day: date,
    stored: StoredReplies,
    voting: VotingParams,
) -> Iterator[dict[str, pl.DataFrame] | tuple[str, list[str]]]:
    """Yields the replies to every unparsable path that was not cut off, one chunk for each chunk of paths.

    A path that was cut off has not stated its answer yet, so it is not sent.
    """
    assert voting.reader is not None
    unread = readings.filter(pl.col("key").is_null()).select(ID)
    chunks: dict[str, pl.DataFrame] = {}
    for chunk in paths.of(plan.on(first_day).address):
        ended = chunk.filter(finish="stop").join(unread, on=ID, how="semi").select(*ID, "text")
        if ended.height:
            chunks[address([voting.reader.model, PROMPT, TOKENS, ended.rows()])] = ended
    with stored.writing():
        if missing := stored.missing(list(chunks)):
            yield from request_replies({each: chunks[each] for each in missing}, voting.reader)
        yield address(list(chunks)), list(chunks)


def request_replies(
    chunks: dict[str, pl.DataFrame], params: ReaderParams
) -> Iterator[dict[str, pl.DataFrame]]:
    """Yields the replies to a chunk as soon as all of them have arrived."""
    with closing(AnswerReader(params)) as reader:
        reader.try_out()
        for each, paths in chunks.items():
            found = zip(paths.select(ID).iter_rows(), reader.read(paths["text"]), strict=True)
            rows = [(*path, *stated) for path, stated in found]
            yield {each: pl.DataFrame(rows, schema=schemas.REPLIES, orient="row")}


def address(content: list[object]) -> str:
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()


def fill_abstentions(
    readings: pl.DataFrame, replies: Iterable[pl.DataFrame], questions: pl.DataFrame, tasks: Tasks
) -> pl.DataFrame:
    """Fills in the answers that the replies copied from unparsable paths; their `rule` becomes `reader`."""
    unread = readings.filter(pl.col("key").is_null()).select(*ID, "task")
    copies = pl.concat([schemas.empty(schemas.REPLIES), *replies]).drop_nulls("surface")
    copies = copies.join(unread, on=ID, maintain_order="left").join(
        questions.select("question_id", "choices"), on="question_id", maintain_order="left"
    )
    parts = copies.partition_by("task", as_dict=True, maintain_order=True)
    keyed = [canonical(rows, tasks[str(name)]) for (name,), rows in parts.items()]
    filled = pl.concat([copies.clear().with_columns(key="surface"), *keyed]).drop_nulls("key")
    log.info(
        "the reader fills %d of the %d paths that no rule could parse", filled.height, unread.height
    )
    new = filled.select(*ID, *FILLED[:-1], rule=pl.lit(schemas.READER))
    both = readings.join(new, on=ID, how="left", maintain_order="left", suffix="_copied")
    return both.with_columns(pl.coalesce(name, f"{name}_copied") for name in FILLED).select(
        *schemas.READINGS
    )


def canonical(rows: pl.DataFrame, task: Task) -> pl.DataFrame:
    """Adds the canonical form of every copied answer, computed by the same rules as for the labels of the task."""
    choices = rows["choices"].to_list() if task.kind == "choice" else None
    keys = answers.canonical_keys(rows["surface"], task.kind, choices, decimal=task.decimal)
    return rows.with_columns(key=keys)
