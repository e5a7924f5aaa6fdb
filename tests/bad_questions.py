"""Malformed question files: name, content (None: the file is missing), and the expected error line."""

DEEP = '{"question": ' + "[" * 100_000
MANY = str(list("abcdefghijklmnopqrstuvwxyz0")).replace("'", '"')
FORMATS = "questions are read from .jsonl, .csv, .parquet, .jsonl.gz, .csv.gz files."
ONE = '{"question": "a?"}\n'

FILES: list[tuple[str, str | bytes | None, str]] = [
    ("q.txt", "Why?", f"{{path}}: {FORMATS}"),
    ("q", "Why?", f"{{path}}: {FORMATS}"),
    ("q.json", "[]", f"{{path}}: {FORMATS}"),
    ("q.jsonl", None, "{path} is missing: put your questions there, one per row."),
    ("q.jsonl", "", "{path} has no questions: it needs one per row."),
    ("q.jsonl", "\n\n", "{path} has no questions: it needs one per row."),
    ("q.jsonl", "Why?", "{path}, line 1: invalid JSON (expecting value at column 1)"),
    ("q.jsonl", ONE + '{"question": "b', "{path}, line 2: invalid JSON (unterminated string starting at column 14)"),
    ("q.jsonl", '{"question": "a?"', "{path}, line 1: invalid JSON (expecting ',' delimiter at column 18)"),
    ("q.jsonl", '["Why?"]', "{path}, line 1: the line must be a JSON object"),
    ("q.jsonl", '{"Text": "a?"}', "{path}, line 1: there is no column 'question', only 'Text': rename the column that holds the questions to 'question'"),
    ("q.jsonl", "{}", "{path}, line 1: there are no columns: put the questions in the column 'question'"),
    ("q.jsonl", '{"question": ""}', "{path}, line 1: question is missing or empty"),
    ("q.jsonl", ONE + '{"question": null}', "{path}, line 2: question is missing or empty"),
    ("q.jsonl", '{"question": 7}', "{path}, line 1: question must be a string, not a number"),
    ("q.jsonl", '{"question": ["a?"]}', "{path}, line 1: question must be a string, not a list"),
    ("q.jsonl", '{"question": "a?", "task": 7}', "{path}, line 1: task must be a string, not a number"),
    ("q.jsonl", '{"question": "a?", "split": "train"}',
     "{path}, line 1: split must be one of unlabeled, held_out, probe, not 'train'"),
    ("q.jsonl", '{"question": "a?", "choices": "x or y"}', "{path}, line 1: choices must be a list of strings, not a string"),
    ("q.jsonl", '{"question": "a?", "choices": ["x", ""]}', "{path}, line 1: choices has an option without text"),
    ("q.jsonl", '{"question": "a?", "choices": [["x"]]}', "{path}, line 1: an option of choices must be a string, not a list"),
    ("q.jsonl", f'{{"question": "a?", "choices": {MANY}}}', "{path}, line 1: choices must have at most 26 options, not 27"),
    ("q.jsonl", '{"question": "a?", "answer": ""}', "{path}, line 1: answer is empty"),
    ("q.jsonl", '{"question": "a?", "answer": NaN}', "{path}, line 1: answer is nan, which is not an answer: leave it out"),
    ("q.jsonl", '{"question": "a?", "answer": {"value": 7}}',
     "{path}, line 1: answer must be a string, a number or a list of them, not an object"),
    ("q.jsonl", '{"question": "a\\ud800?"}', "{path}, line 1: question has a lone surrogate (character 2)"),
    ("q.jsonl", b'{"question": "\xff"}', "{path}, line 1: invalid UTF-8 (byte 15)"),
    ("q.jsonl", DEEP, "{path}, line 1: lists or objects are nested too deeply"),
    ("q.jsonl", ONE + '{"question": 7}\n' * 2,
     "{path} has 2 malformed rows, the first in line 2: question must be a string, not a number."),
    ("q.jsonl.gz", ONE, "{path} is not a gzip file: compress it, or remove .gz from its name"),
    ("q.csv", "question,answer\na?,1,2\n", "{path}, line 2: the row has 3 cells, but the header has 2: put text that contains commas in quotes"),
    ("q.csv", 'question,answer\n"a?,1\n', "{path}, line 2: invalid CSV (unexpected end of data; is a quote left open?)"),
    ("q.csv", "question,choices\na?,x or y\n", '{path}, line 2: choices is not a JSON list such as ["x", "y"]'),
    ("q.csv", "text\na?\n", "{path}: there is no column 'question', only 'text': rename the column that holds the questions to 'question'"),
    ("q.csv", "question\n", "{path} has no questions: it needs one per row."),
    ("q.parquet", ONE, "{path} is damaged or incomplete: parquet: File out of specification: The file must end with PAR1 or PARE"),
    ("q.parquet", b"PAR1", "{path} is damaged or incomplete: parquet: File out of specification: "
     "A Parquet file must contain a header and footer with at least 12 bytes"),
]  # fmt: skip

ADDED = [{"question": f"How many are {n} and 1?", "answer": str(n + 1)} for n in range(12)]
LIST = "exemplars mine: the file must be a list of worked questions"
# Rows of quiz.jsonl that can be parsed but are refused by a later check.
ROWS = [
    ([*ADDED, {"question": "How many?", "split": "held_out"}],
     "quiz.jsonl, line 13: 'How many?' is held_out and has no answer. Add it, or leave the split empty"),
    ([*ADDED, {"question": "a?", "split": "held_out", "answer": "1"}, {"question": "a?", "split": "unlabeled"}],
     "quiz.jsonl, line 13 and quiz.jsonl, line 14: 'a?' is in more than one split"),
    ([{"question": "Which?", "choices": ["x", "y"], "answer": "A"}, {"question": "Why?"}],
     "quiz.jsonl, line 2: the question has no choices, but its task quiz is of kind choice (1 question without choices)"),
    ([{"question": "Which?", "choices": ["x", "y"], "answer": "C"}],
     "quiz.jsonl, line 1: the label 'C' is not the letter or the text of one of its choices. Write the answer alone, or "
     "end a solution with '#### ' and the answer; tasks.quiz.kind sets another kind"),
    ([{"question": f"Is {n} even?", "answer": str(n % 2)} for n in range(8)],
     "questions: the labels of task quiz are 0 and 1, but its questions ask for yes or no: write yes and no, or set "
     "tasks.quiz.kind=number"),
    ([{"question": f"Which {n}?", "choices": ["1", "2", "3"], "answer": 1 + n % 2} for n in range(8)],
     "questions, task quiz: the labels are whole numbers, which may be option texts, positions counted from 0, or "
     "positions counted from 1: write the letters A, B, ... or the texts of the options"),
]  # fmt: skip

# Contents of mine.yml
EXEMPLARS = [
    ("", LIST),
    ("hello", LIST),
    ("question: a?", LIST),
    ("- 3", "exemplars mine, entry 1: Input should be a valid dictionary or instance of Exemplar"),
    ("- {rationale: r, answer: '1'}", "exemplars mine, entry 1: question: Field required"),
    ("- {question: q, rationale: r, answer: 1}", "exemplars mine, entry 1: answer: Input should be a valid string"),
    ("- {question: q, rationale: r, answer: ''}", "exemplars mine, entry 1: answer: String should have at least 1 character"),
    ("- {question: q, rationale: r, answer: '1', autor: me}", "exemplars mine, entry 1: autor: Extra inputs are not permitted"),
    ("- {question: q, rationale: r, answer: '1'}\n- {question: q, answer: '1'}", "exemplars mine, entry 2: rationale: Field required"),
    ("- question: a?\n  rationale: [", "exemplars mine: invalid YAML in {path}, line 2, column 15: expected the node "
     "content, but found '<stream end>' (while parsing a flow node)"),
]  # fmt: skip
