"""Answers of a run's model on held-out questions, evaluated by us and by lm-evaluation-harness.

    python benchmarks/judge.py [data_root] [--model 06_models/model_1] [--predictions predictions_1] [--limit N]

Only tasks with numeric answers are evaluated, and only zero-shot. The harness builds its own prompts (words.yaml),
calls the tokenizer itself, decodes with HF generate in float32, and parses the answers itself. The script prints
both accuracies and the share of questions on which both answers are equal. If this share is less than 99 %, it
fails.
"""

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from result import QUICK, Result, arguments

TASK = Path(__file__).with_name("words.yaml")
SETTINGS = {
    "ours": "the answers that the run has stored",
    "lm-eval": "words.yaml, HF generate, float32",
}
MODES = (
    "zero_shot_cot",
    "cot_greedy",  # also zero-shot if the task has no exemplars
)


def read_questions(root: Path, predictions: str, limit: int | None) -> pl.DataFrame:
    """Return labeled questions with their label (`answer`) and the canonical answer of the run (`key`)."""
    answered = pl.read_parquet(root / f"07_evaluation/{predictions}.parquet")
    mode = next(mode for mode in MODES if mode in answered["mode"].unique())
    bare = pl.col("key").str.strip_prefix("num:")
    labels = pl.read_parquet(root / "02_intermediate/labels.parquet")
    return (
        pl.read_parquet(root / "02_intermediate/questions.parquet")
        .filter(pl.col("context").is_null(), pl.col("choices").is_null())
        .join(labels, on="question_id")
        .filter(pl.col("answers").list.get(0).str.contains(r"^-?[\d.,]+$"))
        .join(answered.filter(mode=mode).select("question_id", bare), on="question_id")
        .with_columns(answer=pl.col("answers").list.get(0))
        .with_columns(label=pl.col("answer").map_elements(canonical, pl.String))
        .sort("question_id")
        .head(limit or 1_000_000)
    )


def judge(model: Path, questions: pl.DataFrame, batch_size: int) -> list[str | None]:
    """Return the answer that the harness extracts for each question, or None."""
    from lm_eval import simple_evaluate

    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder, "rows.jsonl")
        questions.select("question", "answer").write_ndjson(rows)
        task: dict[str, Any] = yaml.safe_load(TASK.read_text())
        task["dataset_kwargs"] = {"data_files": {"test": str(rows)}}
        results = simple_evaluate(
            model="hf",
            model_args={"pretrained": str(model), "dtype": "float32"},
            tasks=[task],
            batch_size=batch_size,
            device="cpu",
        )
    assert results is not None
    samples = sorted(results["samples"][task["task"]], key=lambda sample: sample["doc_id"])
    return [canonical(sample["filtered_resps"][0]) for sample in samples]


def canonical(answer: str) -> str | None:
    """Return a number as a fraction in lowest terms, like our canonical answers, and None for `[invalid]`."""
    plain = answer.replace(",", "")
    return None if plain == "[invalid]" else str(Fraction(plain))


def main() -> None:
    parser = arguments(__file__, __doc__)
    parser.add_argument("root", nargs="?", default="data", type=Path)
    parser.add_argument("--model", default="06_models/model_1")
    parser.add_argument("--predictions", default="predictions_1")
    parser.add_argument("--limit", type=int, default=8 if QUICK else None)
    parser.add_argument("--batch-size", type=int, default=32)
    args = parser.parse_args()
    questions = read_questions(args.root, args.predictions, args.limit)
    given = pl.Series("judge", judge(args.root / args.model, questions, args.batch_size), pl.String)
    both = questions.with_columns(given)
    right = both.select((pl.col("key", "judge") == pl.col("label")).fill_null(False).mean()).row(0)
    same: float = both.select(pl.col("key").eq_missing(pl.col("judge")).mean()).item()
    result = Result("judge", SETTINGS | {"both": f"{args.model}, {both.height} questions"})
    case = f"ours {right[0]:.1%} right, the harness {right[1]:.1%}"
    result.add(case, "share of equal answers", same, {"lm-eval": 1})
    if same < 0.99:
        print(both.filter(~pl.col("key").eq_missing(pl.col("judge"))).head(10))
        raise SystemExit(f"{same:.1%} of the answers agree, less than 99 %")
    if args.limit is None:
        result.finish()


if __name__ == "__main__":
    main()
