"""Rows with the columns of common data sets are read; for other columns, the error says which to rename."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError

from lmsi_kedro.datasets.question_file import QuestionFile

Row = dict[str, Any]
FACT = ["red", "blue", "white"]
SOLUTION = "Three and four are $7$, so the answer is $\\boxed{7}$."
LABELED = [{"label": "A", "text": "red"}, {"label": "B", "text": "blue"}]


def load(path: Path, *rows: Row) -> Row:
    """The first question of a file with these rows."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    table = QuestionFile(filepath=str(path), problems=str(path.parent / "malformed.csv")).load()
    return {name: value for name, value in table.row(0, named=True).items() if value is not None}


@pytest.mark.parametrize(
    ("name", "row", "read"),
    [
        ("GSM8K", {"question": "3 + 4?", "answer": "3 + 4 = <<3+4=7>>7\n#### 7"},
         {"question": "3 + 4?", "answer": ["3 + 4 = <<3+4=7>>7\n#### 7"]}),
        ("MATH", {"problem": "3 + 4?", "level": "Level 1", "type": "Sums", "solution": SOLUTION},
         {"question": "3 + 4?", "answer": [SOLUTION]}),
        ("MATH-500", {"problem": "3 + 4?", "solution": SOLUTION, "answer": "7", "unique_id": "t/1"},
         {"question": "3 + 4?", "answer": ["7"]}),
        ("DeepMath", {"question": "3 + 4?", "final_answer": "7", "r1_solution_1": "Hm."},
         {"question": "3 + 4?", "answer": ["7"]}),
        ("NuminaMath", {"problem": "3 + 4?", "solution": SOLUTION, "messages": []},
         {"question": "3 + 4?", "answer": [SOLUTION]}),
        ("SVAMP", {"ID": "c-1", "Body": "Ann has 3 pens.", "Question": "How many?", "Answer": 3.0},
         {"context": "Ann has 3 pens.", "question": "How many?", "answer": ["3"]}),
        ("MMLU", {"question": "Which?", "subject": "art", "choices": FACT, "answer": 2},
         {"question": "Which?", "choices": FACT, "answer": ["2"]}),
        ("ARC", {"question": "Which?", "choices": {"text": FACT, "label": ["1", "2", "3"]}, "answerKey": "3"},
         {"question": "Which?", "choices": FACT, "answer": ["(C)"]}),
        ("OpenBookQA", {"question_stem": "Which?", "choices": {"text": FACT, "label": ["A", "B", "C"]},
                        "answerKey": "B"},
         {"question": "Which?", "choices": FACT, "answer": ["(B)"]}),
        ("AQuA", {"question": "Which?", "options": ["A)21", "B)(3)", "C) none"], "correct": "B", "rationale": "."},
         {"question": "Which?", "choices": ["21", "(3)", "none"], "answer": ["B"]}),
        ("MedQA", {"question": "Which?", "options": {"A": "red", "B": "blue", "C": None}, "answer": "blue",
                   "answer_idx": "B"},
         {"question": "Which?", "choices": ["red", "blue"], "answer": ["blue"]}),
        ("RACE", {"article": "It is blue.", "question": "Which?", "options": FACT, "answer": "B"},
         {"context": "It is blue.", "question": "Which?", "choices": FACT, "answer": ["B"]}),
        ("labeled options", {"question": "Which?", "choices": LABELED, "answer": "B", "solution": "It is blue."},
         {"question": "Which?", "choices": ["red", "blue"], "answer": ["(B)"]}),
        ("BBH", {"question": "So?", "choices": [{"label": w, "text": w} for w in ("Yes", "No")], "answer": "No"},
         {"question": "So?", "choices": ["Yes", "No"], "answer": ["(B)"]}),
        ("BoolQ", {"question": "Do bees sleep?", "passage": "They do.", "answer": True},
         {"context": "They do.", "question": "Do bees sleep?", "answer": ["yes"]}),
        ("BIG-Bench Hard", {"input": "not True is", "target": "False"},
         {"question": "not True is", "answer": ["False"]}),
        ("SQuAD", {"context": "Ann, 9", "question": "Who?", "answers": {"text": ["Ann", "ann"]}},
         {"context": "Ann, 9", "question": "Who?", "answer": ["Ann", "ann"]}),
        ("SQuAD 2", {"context": "Ann, 9", "question": "Why?", "answers": {"text": []}},
         {"context": "Ann, 9", "question": "Why?"}),
        ("numbers", {"question": "Which?", "choices": [1, 2.5], "label": 2.5},
         {"question": "Which?", "choices": ["1", "2.5"], "answer": ["2.5"]}),
        ("chat", {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "3 + 4?"},
                               {"role": "assistant", "content": "7"}]},
         {"question": "3 + 4?", "context": "\x1esystem: Be brief."}),
        ("ShareGPT", {"conversations": [{"from": "human", "value": "3 + 4?"}, {"from": "gpt", "value": "7"}]},
         {"question": "3 + 4?"}),
        ("DAPO", {"prompt": [{"role": "user", "content": "3 + 4?"}], "reward_model": {"ground_truth": "7"}},
         {"question": "3 + 4?"}),
        ("spreadsheet", {" QUESTION ": "3 + 4?", "Correct Answer": "7", "question-id": 3},
         {"question": "3 + 4?", "answer": ["7"]}),
    ],
)  # fmt: skip
def test_rows_of_common_data_sets_are_read(tmp_path: Path, name: str, row: Row, read: Row) -> None:
    assert load(tmp_path / "mine.jsonl", row) == {
        "task": "mine",
        "source": "mine.jsonl, line 1",
        **read,
    }


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"quesion": "a?", "answer": "1"}, "is the column 'quesion' meant to be 'question'?"),
        ({"question": "a?", "Anwser": "1"}, "is the column 'Anwser' meant to be 'answer'?"),
        ({"question": "a?", "chioces": FACT}, "is the column 'chioces' meant to be 'choices'?"),
        ({"ctx": "It is", "endings": FACT, "label": "1"},
         "there is no column 'question', only 'ctx', 'endings', 'label': rename the column that holds"
         " the questions to 'question'"),
        ({"problem": "a?", "query": "b?"}, "the columns 'problem' and 'query' may both be the question: rename"),
        ({"Question": "a?", "question": "b?"}, "the columns 'Question' and 'question' may both be the question"),
        ({"question": "a?", "target": "1", "label": "2"}, "the columns 'target' and 'label' may both be"),
        ({"question": "a?", "label": 2}, "label is a class number: write the class name, or name the column"),
        ({"question": "a?", "correct": True}, "correct is true or false: name the answer's column 'answer'"),
        ({"problem": 7}, "problem must be a string, not a number"),
        ({"question": ["a?"]}, "question must be a string, not a list"),
        ({"messages": [{"role": "user", "content": "a?"}] * 2}, "messages must have turns of user and assistant"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages must be a string, not a"),
        ({"question": "a?", "choices": [{"label": "A", "text": "x"}] * 2}, "choices must have a different label"),
    ],
)  # fmt: skip
def test_columns_to_rename_are_named(tmp_path: Path, row: Row, reason: str) -> None:
    with pytest.raises(DatasetError) as caught:
        load(tmp_path / "q.jsonl", {"question": "a?"}, row)
    assert f"q.jsonl, line 2: {reason}" in str(caught.value)


@pytest.mark.parametrize("header", ["quesion,answer", "quesion;answer", "answer,topic"])
def test_header_error_names_no_line(tmp_path: Path, header: str) -> None:
    (tmp_path / "q.csv").write_text(f"{header}\n" + 9 * f"{header}\n")
    file = QuestionFile(filepath=str(tmp_path / "q.csv"), problems=str(tmp_path / "x.csv"))
    with pytest.raises(DatasetError, match=r"q\.csv: (is|there is no) (the )?column 'ques"):
        file.load()


def test_renamed_and_ignored_columns_are_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows: list[Row] = [
        {"problem": "a?", "final_answer": "1", "id": 3, "\ud800": 1},
        {"question": "b?"},
    ]
    with caplog.at_level(logging.INFO):
        load(tmp_path / "q.jsonl", *rows, *rows)
    said = [record.getMessage().split("q.jsonl: ")[1] for record in caplog.records]
    assert said == [
        "reads answer from final_answer, question from problem",
        "ignored columns \\ud800, id",
    ]
    many = {f"c{n:02}": n for n in range(30)}
    caplog.clear()
    load(tmp_path / "q.jsonl", {"question": "a?", **many})
    assert "c18, c19 and 10 more" in caplog.text
