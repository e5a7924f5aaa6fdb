"""Two questions with their paths and exemplars, and the examples rendered from them."""

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.params import Format, MixingParams
from lmsi_kedro.pipelines.mixing.nodes import render_examples, select_voted_paths
from tests.fabricate import TASKS

FORMATS: list[Format] = ["few_shot_cot", "few_shot_direct", "zero_shot_cot", "zero_shot_direct"]
MIXING = MixingParams(
    parts=dict.fromkeys(FORMATS, 1.0), balance="none", direct="once", exemplars="same", seed=1
)
TEXTS = ["2 + 2 = 4. The answer is 4.", "Four: 4. The answer is 4.", "2 + 2 = 4. The answer is 4.",
         "1 + 3 = 4. The answer is 4.", "2 + 2 = 5. The answer is 5.", "hm"]  # fmt: skip
KEYS = ["num:4", "num:4", "num:4", "num:4", "num:5", None]


def tables() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Tables of answers, paths, questions and exemplars; q0 is a question of mini_gsm, q1 of mini_arc."""
    answers, paths = [], []
    for question in ("q0", "q1"):
        for path, (text, key) in enumerate(zip(TEXTS, KEYS, strict=True)):
            surface = key and key[4:]
            shown = key and (key if question == "q0" else f"choice:{'AB'[surface == '4']}")
            kept = key == "num:4" and path < 2
            answers.append((question, path, shown, surface, 1, 2, "trigger", kept, "r"))
            shots = {"q0": "mini_gsm", "q1": "mini_arc"}[question]
            paths.append((question, path, shots, text, 5, -1.0, "stop"))
    questions = [("q0", "mini_gsm", "unlabeled", "2 + 2?", None, None),
                 ("q1", "mini_arc", "unlabeled", "Which?", None, ["x", "y"])]  # fmt: skip
    exemplars = [("mini_gsm", "1 + 1?", None, [], "1 + 1 = 2.", "2"),
                 ("mini_arc", "What?", None, ["u", "v"], "Look.", "(A)")]  # fmt: skip
    return (
        pl.DataFrame(answers, schema=schemas.ANSWERS, orient="row"),
        pl.DataFrame(paths, schema=schemas.PATHS, orient="row"),
        pl.DataFrame(questions, schema=schemas.QUESTIONS, orient="row"),
        pl.DataFrame(exemplars, schema=schemas.EXEMPLARS, orient="row"),
    )


def render(mixing: MixingParams = MIXING) -> pl.DataFrame:
    answers, paths, questions, exemplars = tables()
    selected = select_voted_paths(answers, [paths])
    return render_examples(selected, questions, exemplars, TASKS, mixing)
