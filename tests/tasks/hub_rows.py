"""HUB[task][split]: rows with the schemas of the hub but our own texts, including awkward cases."""

from typing import Any

Rows = list[dict[str, Any]]


def varied(rows: Rows, field: str) -> Rows:
    """The same rows with other questions, for another split."""
    return [row | {field: f"One year later: {row[field]}"} for row in rows]


GSM8K: Rows = [
    {
        "question": "Ann has 3 pens and buys 4. How many has she?",
        "answer": "She has 3+4=<<3+4=7>>7.\n#### 7",
    },
    {
        "question": "A farm sells 25 crates of 48 eggs. How many eggs?",
        "answer": "25*48=<<25*48=1200>>1200\n#### 1,200",
    },
    {
        "question": "Bo owes $5 and earns $2. What is his balance?",
        "answer": "2-5=<<2-5=-3>>-3\n#### -3",
    },
]
SVAMP: Rows = [
    {
        "ID": "chal-1",
        "Body": "Ann has 3 pens and 2 books",
        "Question": "How many pens has she?",
        "Equation": "3.0",
        "Answer": "3",
        "Type": "Subtraction",
        "question_concat": "unused",
    },
    {
        "ID": "chal-2",
        "Body": "Each pack costs 76 dollars.",
        "Question": "What do 2 packs cost?",
        "Equation": "( 76.0 * 2.0 )",
        "Answer": "152.0",
        "Type": "Multiplication",
        "question_concat": "unused",
    },
    {
        "ID": "chal-3",
        "Body": "Bo ran 1 km on Monday. ",
        "Question": " How far did he run in all?",
        "Equation": "1.0",
        "Answer": "1",
        "Type": "Addition",
        "question_concat": "unused",
    },
]
DROP: Rows = [
    {
        "section_id": "nfl_1",
        "query_id": "q1",
        "passage": "The Gulls led with a 34-yard field goal by Owen Marsh.",
        "question": "Who kicked the field goal?",
        "answers_spans": {"spans": ["Owen Marsh", "Marsh"], "types": ["span", "span"]},
    },
    {
        "section_id": "nfl_2",
        "query_id": "q2",
        "passage": "The Bears scored 7 points in each half.",
        "question": "How many points did the Bears score?",
        "answers_spans": {"spans": ["14", "14"], "types": ["number", "number"]},
    },
    {
        "section_id": "nfl_3",
        "query_id": "q3",
        "passage": "The Kings did not play.",
        "question": "Who won?",
        "answers_spans": {"spans": [], "types": []},
    },
    {
        "section_id": "history_1",
        "query_id": "q4",
        "passage": "The treaty was signed on 4 May 1874.",
        "question": "When was the treaty signed?",
        "answers_spans": {"spans": ["4 May 1874"], "types": ["date"]},
    },
    {
        "section_id": "history_2",
        "query_id": "q5",
        "passage": "In 1890 the valley had 5,150 inhabitants.",
        "question": "How many lived there?",
        "answers_spans": {"spans": ["5150"], "types": ["number"]},
    },
    {
        "section_id": "history_3",
        "query_id": "q6",
        "passage": "Torvia and Lenn met at Sund.",
        "question": "Where did they meet?",
        "answers_spans": {"spans": ["Sund", "at Sund"], "types": ["span", "span"]},
    },
]
ARC: Rows = [
    {
        "id": "M_1",
        "question": "Which is a gas?",
        "choices": {"text": ["ice", "steam"], "label": ["1", "2"]},
        "answerKey": "2",
    },
    {
        "id": "A_2",
        "question": "Which is a solid?",
        "choices": {"text": ["iron", "air", "rain"], "label": ["A", "B", "C"]},
        "answerKey": "A",
    },
    {
        "id": "A_3",
        "question": "What do plants need?",
        "choices": {
            "text": ["salt", "dust", "noise", "light", "frost"],
            "label": ["A", "B", "C", "D", "E"],
        },
        "answerKey": "D",
    },
]
OPENBOOKQA: Rows = [
    {
        "id": "7-1",
        "question_stem": "The sun warms",
        "choices": {
            "text": ["a stone", "a song", "a number", "a dream"],
            "label": ["A", "B", "C", "D"],
        },
        "answerKey": "A",
    },
    {
        "id": "7-2",
        "question_stem": "Bees visit",
        "choices": {"text": ["rocks", "ice", "flowers", "coins"], "label": ["A", "B", "C", "D"]},
        "answerKey": "C",
    },
    {
        "id": "7-3",
        "question_stem": "Water flows",
        "choices": {"text": ["up", "sideways", "never", "down"], "label": ["A", "B", "C", "D"]},
        "answerKey": "D",
    },
]
ANLI: Rows = [
    {
        "uid": "u1",
        "premise": "Ann sings in a choir. ",
        "hypothesis": "Ann sings.",
        "label": 0,
        "reason": "said",
    },
    {
        "uid": "u2",
        "premise": "Ann sings in a choir.",
        "hypothesis": "Ann is tall.",
        "label": 1,
        "reason": "",
    },
    {
        "uid": "u3",
        "premise": "Ann never sings.",
        "hypothesis": "Ann sings.",
        "label": 2,
        "reason": "contradicts",
    },
]
MNLI: Rows = [
    {"premise": "The hall was empty.", "hypothesis": "Nobody was there.", "label": 0, "idx": 0},
    {"premise": "The hall was empty.", "hypothesis": "It was locked.", "label": 1, "idx": 1},
    {"premise": "The hall was empty.", "hypothesis": "A crowd was there.", "label": 2, "idx": 2},
    {"premise": "No label.", "hypothesis": "None.", "label": -1, "idx": 3},
]
RTE: Rows = [
    {
        "sentence1": "Ida Brenn founded the museum.",
        "sentence2": "The museum has a founder.",
        "label": 0,
        "idx": 0,
    },
    {
        "sentence1": "The races were held.",
        "sentence2": "The races were cancelled.",
        "label": 1,
        "idx": 1,
    },
    {"sentence1": "No label.", "sentence2": "None.", "label": -1, "idx": 2},
    {
        "sentence1": "Doctor Lin studied bees.",
        "sentence2": "Bees were studied.",
        "label": 0,
        "idx": 3,
    },
]
AQUA: Rows = [
    {
        "question": "3x = 9. x?",
        "options": ["A)1", "B)2", "C)3", "D)4", "E)5"],
        "rationale": "9/3 = 3",
        "correct": "C",
    },
    {
        "question": "A ratio?",
        "options": ["A)1:2", "B) 2:3", "C)3:4", "D)none", "E)(3)"],
        "rationale": "so",
        "correct": "B",
    },
    {
        "question": "A speed?",
        "options": ["A)6 km/h", "B)7", "C)8", "D)9", "E)10"],
        "rationale": "so",
        "correct": "A",
    },
]
STRATEGYQA: Rows = [
    {
        "qid": "s1",
        "term": "Frost",
        "description": "ice",
        "question": "Can frost melt?",
        "answer": True,
        "facts": "It is ice.",
    },
    {
        "qid": "s2",
        "term": "Giraffe",
        "description": "animal",
        "question": "Can a giraffe fly?",
        "answer": False,
        "facts": "No wings.",
    },
    {
        "qid": "s3",
        "term": "Oil",
        "description": "liquid",
        "question": "Does oil float?",
        "answer": True,
        "facts": "It is light.",
    },
]

HUB: dict[str, dict[str, Rows]] = {
    "gsm8k": {"train": GSM8K, "test": varied(GSM8K, "question")},
    "svamp": {"train": SVAMP, "test": varied(SVAMP, "Body")},
    "drop_football": {"train": DROP, "validation": varied(DROP, "passage")},
    "drop_other": {"train": DROP, "validation": varied(DROP, "passage")},
    "arc_challenge": {"train": ARC, "test": varied(ARC, "question")},
    "openbookqa": {"train": OPENBOOKQA, "test": varied(OPENBOOKQA, "question_stem")},
    "anli_a1": {"test_r1": ANLI},
    "anli_a2": {"train_r2": ANLI, "test_r2": varied(ANLI, "premise")},
    "anli_a3": {"train_r3": ANLI, "test_r3": varied(ANLI, "premise")},
    "rte": {"validation": RTE},
    "mnli_m": {"validation_matched": MNLI},
    "mnli_mm": {"validation_mismatched": MNLI},
    "aqua": {"test": AQUA},
    "strategyqa": {"train": STRATEGYQA, "test": varied(STRATEGYQA, "question")},
}
