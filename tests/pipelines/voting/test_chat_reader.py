"""A chat endpoint is asked for answers only in paths that no rule can parse."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.datasets.chunk_store import Chunks, ChunkStore, StoredChunks
from lmsi_kedro.engines.server.answer_reader import PROMPT, TRIAL
from lmsi_kedro.engines.server.faults import ServerError
from lmsi_kedro.evaluation.comparison import found_by_reader
from lmsi_kedro.params import ReaderParams, VotingParams
from lmsi_kedro.pipelines.self_improve.pipeline import create_pipeline
from lmsi_kedro.pipelines.voting import with_reader
from lmsi_kedro.pipelines.voting.chat_reader import ask_reader, fill_abstentions
from lmsi_kedro.pipelines.voting.nodes import count_votes, keep_agreeing_paths
from lmsi_kedro.reading import read_answers
from lmsi_kedro.report.words import readers
from tests.engines.fake_server import Answer, FakeServer, Reply, chatted, running
from tests.fabricate import TASKS
from tests.graphs import ARMS, ancestors

VOTING = VotingParams(
    rule="trigger", ties="abstain", min_confidence=0.0, max_confidence=1.0, max_paths_per_question=None, seed=1
)  # fmt: skip
# (question, task, text, finish, reply of the endpoint)
PATHS = [
    ("q1", "mini_gsm", "The answer is 4.", "stop", "5"),
    ("q1", "mini_gsm", "2 and 2, so Bob has 4 pens.", "stop", "4"),
    ("q1", "mini_gsm", "He has 4, or is it 5 pens?", "stop", "5 pens"),
    ("q1", "mini_gsm", "He has some pens.", "stop", "4"),
    ("q1", "mini_gsm", "He has some pens left.", "stop", "some pens"),
    ("q1", "mini_gsm", "2 and 2, so Bob has 4", "length", "4"),
    ("q2", "mini_arc", "So it must be the stone.", "stop", "the stone"),
    ("q2", "mini_arc", "It must be the moon.", "stop", "the moon"),
]
REPLIES = {text: reply for *_, text, _, reply in PATHS} | {TRIAL: "four"}


class Planned:
    """A plan and its stored paths, in chunks of three."""

    address = "plan"

    def on(self, day: Any) -> "Planned":
        return self

    def of(self, plan: str) -> list[pl.DataFrame]:
        rows = [
            (question, number, "s", text, 5, -1.0, finish)
            for number, (question, _, text, finish, _) in enumerate(PATHS)
        ]
        table = pl.DataFrame(rows, schema=schemas.PATHS, orient="row")
        return [table[:3], table[3:6], table[6:]]


def questions() -> pl.DataFrame:
    choices = {"mini_gsm": None, "mini_arc": ["a feather", "a stone"]}
    rows = {
        name: {"question_id": name, "task": task, "choices": choices[task]}
        for name, task, *_ in PATHS
    }
    return pl.DataFrame([*rows.values()], schema=schemas.QUESTIONS)


def answering(body: dict[str, Any], _: int) -> Reply:
    return 200, chatted(REPLIES[sent(body)])


def sent(body: dict[str, Any]) -> str:
    return str(body["messages"][0]["content"]).removeprefix(PROMPT)


@contextmanager
def serving(answer: Answer) -> Iterator[tuple[FakeServer, VotingParams]]:
    with running(answer) as server:
        reader = ReaderParams(urls=[server.url], model="judge", retries=0, concurrency=1)
        yield server, VOTING.model_copy(update={"reader": reader})


def rule_readings() -> pl.DataFrame:
    return read_answers(Planned().of("plan"), questions(), TASKS, VOTING)


def asked(folder: Path, voting: VotingParams) -> Chunks:
    """Run the node, store its chunks one by one as a runner does, and load them again."""
    given: dict[str, Any] = {"filepath": str(folder)}
    store = ChunkStore(**given, check="lmsi_kedro.schemas.replies")
    stored, planned = StoredChunks(**given).load(), Planned()
    for chunk in ask_reader(rule_readings(), planned, planned, None, stored, voting):  # type: ignore[arg-type]
        store.save(chunk)
    return store.load()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], pl.DataFrame]:
    """The texts that were sent to the endpoint, and the readings."""
    with serving(answering) as (server, voting):
        replies = asked(tmp_path_factory.mktemp("replies"), voting)
    readings = fill_abstentions(rule_readings(), replies, questions(), TASKS)
    return [sent(body) for body in server.bodies], schemas.readings(readings)


def test_parsed_and_truncated_paths_are_never_sent(filled: tuple[list[str], pl.DataFrame]) -> None:
    texts = [PATHS[number][2] for number in (1, 2, 3, 4, 6, 7)]
    assert filled[0] == [TRIAL, *texts]


def test_copied_replies_are_parsed_by_rules(filled: tuple[list[str], pl.DataFrame]) -> None:
    """If no rule can parse the copied text, or the reply is not a copy, the path stays unparsable."""
    keys = ["num:4", "num:4", "num:5", None, None, None, "choice:B", None]
    assert filled[1]["key"].to_list() == keys
    given = ("answer is", "reader", "reader", None, None, None, "reader", None)
    assert filled[1]["rule"].to_list() == [*given]
    for row in filled[1].filter(rule="reader").iter_rows(named=True):
        assert PATHS[row["path"]][2][row["start"] : row["end"]] == row["surface"]


def test_parsed_paths_keep_their_readings(filled: tuple[list[str], pl.DataFrame]) -> None:
    before, after = rule_readings(), filled[1]
    parsed = pl.col("key").is_not_null()
    assert after.filter(pl.col("rule") != "reader").equals(before.filter(parsed))
    others = [
        name for name in before.columns if name not in ("key", "surface", "start", "end", "rule")
    ]
    assert after.select(others).equals(before.select(others))


def test_answers_of_a_reader_are_counted(filled: tuple[list[str], pl.DataFrame]) -> None:
    votes = count_votes(filled[1], VOTING)
    answers = schemas.answers(keep_agreeing_paths(filled[1], votes, VOTING))
    found = found_by_reader(answers)
    assert found == {"reader": {"filled": 3, "kept": 2}}
    (said,) = readers({"rounds": [{"round": 1, "votes": found}, {"round": 2, "votes": {}}]})
    assert said.startswith("Round 1: the reader (voting.reader) found 3 answers that no rule")
    assert said.endswith("could parse, of which 2 are on kept paths.")
    assert not found_by_reader(answers.filter(pl.col("rule") != "reader"))


def test_replies_never_override_parsed_answers() -> None:
    """Even a stored reply for a parsed path is ignored."""
    wrong = pl.DataFrame([("q1", 0, "5", "5", 0, 1)], schema=schemas.REPLIES, orient="row")
    readings = rule_readings()
    assert fill_abstentions(readings, [wrong], questions(), TASKS).equals(readings)


def test_resumed_reader_repeats_no_requests(tmp_path: Path) -> None:
    def failing(body: dict[str, Any], count: int) -> Reply:
        return (500, {}) if sent(body) == PATHS[6][2] else answering(body, count)

    with serving(failing) as (_, voting), pytest.raises(ServerError, match="run again"):
        asked(tmp_path, voting)
    with serving(answering) as (server, voting):
        whole = asked(tmp_path, voting).table()
        assert [sent(body) for body in server.bodies] == [TRIAL, PATHS[6][2], PATHS[7][2]]
        assert asked(tmp_path, voting).table().equals(whole)
    assert whole.height == 6
    assert len(server.bodies) == 3


def test_stored_replies_of_another_model_are_ignored(tmp_path: Path) -> None:
    with serving(answering) as (server, voting):
        asked(tmp_path, voting)
        assert voting.reader is not None
        other = voting.reader.model_copy(update={"model": "other"})
        asked(tmp_path, voting.model_copy(update={"reader": other}))
    assert len(server.bodies) == 14


def test_no_requests_without_unparsable_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "PATHS", PATHS[:1])
    with serving(answering) as (server, voting):
        replies = asked(tmp_path, voting)
    readings = rule_readings()
    assert fill_abstentions(readings, replies, questions(), TASKS).equals(readings)
    assert not server.bodies


def test_reader_reads_every_round_without_labels() -> None:
    loop = create_pipeline(2, arms=ARMS)
    read = with_reader(loop)
    added = {node.name for node in read.nodes} - {node.name for node in loop.nodes}
    assert added == {
        f"round_{k}.{name}" for k in (1, 2) for name in ("ask_reader", "fill_abstentions")
    }
    assert loop.inputs() | {"round_1.stored_replies", "round_2.stored_replies"} == read.inputs()
    assert not {"labels", "gold_labels"} & ancestors(read, "round_2.readings")
    for name in ("evaluation_0.evaluation_paths", "monitor_readings_0"):
        assert not {"round_1.replies"} & ancestors(read, name)
