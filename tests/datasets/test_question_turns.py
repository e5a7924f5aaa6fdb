"""Chats in question files: the last turn is the question, earlier turns are its context."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.io import DatasetError

from lmsi_kedro.datasets.question_file import QuestionFile, WorkedFile
from lmsi_kedro.tasks.overlap import Evaluated
from lmsi_kedro.tasks.questions import questions_in, with_ids
from lmsi_kedro.tasks.turns import Turn, turns_of

Row = dict[str, Any]


def turn(role: str, content: Any) -> Row:
    return {"role": role, "content": content}


USER, ASSISTANT, SYSTEM = turn("user", "a?"), turn("assistant", "b."), turn("system", "c.")
CHAT = [SYSTEM, USER, ASSISTANT, turn("user", "How many?")]


def load(folder: Path, *rows: Row, worked: bool = False) -> pl.DataFrame:
    path = folder / "my.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    kind = WorkedFile if worked else QuestionFile
    return kind(filepath=str(path), problems=str(folder / "wrong.csv")).load()


def test_earlier_turns_are_kept_with_the_question(tmp_path: Path) -> None:
    table = load(tmp_path, {"messages": CHAT, "answer": "7"}, {"messages": [USER]})
    assert table["question"].to_list() == ["How many?", "a?"]
    context, none = table["context"]
    assert turns_of(context) == [Turn("system", "c."), Turn("user", "a?"), Turn("assistant", "b.")]
    assert none is None
    worked = {"messages": CHAT, "answer": "7", "rationale": "3 + 4 = 7."}
    assert load(tmp_path, worked, worked=True)["context"].to_list() == [context]


def test_parquet_gives_the_same_chats(tmp_path: Path) -> None:
    rows = [{"prompt": CHAT, "answer": "7"}, {"prompt": [USER], "answer": "8"}]
    pl.DataFrame(rows).write_parquet(tmp_path / "my.parquet")
    file = QuestionFile(filepath=str(tmp_path / "my.parquet"), problems=str(tmp_path / "x.csv"))
    columns = ["question", "context", "answer"]
    assert file.load().select(columns).equals(load(tmp_path, *rows).select(columns))


def test_question_may_repeat_the_last_turn(tmp_path: Path) -> None:
    one, two = load(tmp_path, {"question": "How many?", "messages": CHAT}, {"messages": CHAT})[
        "context"
    ]
    assert one == two
    assert load(tmp_path, {"problem": "b?", "messages": CHAT})["context"].to_list() == [None]


def test_questions_differ_by_their_context(tmp_path: Path) -> None:
    other = [turn("user", "d?"), ASSISTANT, CHAT[-1]]
    again = [turn("system", "C"), turn("user", "A?"), turn("assistant", "B."), CHAT[-1]]
    table = with_ids(load(tmp_path, *({"messages": chat} for chat in (CHAT, other, again))))
    assert table["question_id"].n_unique() == 3
    held_out, different, same = questions_in(table)
    assert not Evaluated([held_out]).has(different)
    assert Evaluated([held_out]).has(same), "case and punctuation do not count"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": []}, "messages is missing or empty"),
        ({"messages": [USER, ASSISTANT, USER, ASSISTANT]},
         "messages must end with a turn of the user, which is the question"),
        ({"messages": [SYSTEM]}, "messages must end with a turn of the user, which is the question"),
        ({"messages": [USER, turn("tool", "7"), USER]},
         "messages has the role 'tool' in turn 2: roles are system, user and assistant"),
        ({"messages": [{"content": "a?"}]}, "messages has the role None in turn 1: roles are system"),
        ({"messages": [USER, turn("assistant", " "), USER]}, "messages has no text in turn 2"),
        ({"messages": [USER, USER]}, "messages must have turns of user and assistant that alternate"),
        ({"messages": [ASSISTANT, USER]}, "messages must have turns of user and assistant that alternate"),
        ({"messages": [USER, ASSISTANT, SYSTEM, USER]},
         "messages has a system turn that is not the first turn"),
        ({"messages": CHAT, "question": "Why?"},
         "question is not the last turn of messages: leave one of them out"),
        ({"messages": CHAT, "passage": "It is blue."},
         "passage cannot precede earlier turns: put it into a turn of the chat"),
    ],
)  # fmt: skip
def test_bad_chats_are_named_by_row(tmp_path: Path, row: Row, reason: str) -> None:
    with pytest.raises(DatasetError) as caught:
        load(tmp_path, {"question": "a?"}, row)
    assert str(caught.value).startswith(f"{tmp_path / 'my.jsonl'}, line 2: {reason}")
