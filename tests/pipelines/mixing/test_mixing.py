"""Examples contain the selected paths in the right formats, also in the control arm `random`."""

import polars as pl
import pytest
from pydantic import ValidationError
from transformers import AutoTokenizer

from lmsi_kedro import schemas
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.params import EngineParams, MixingParams
from lmsi_kedro.pipelines.mixing.arms import select_random_paths
from lmsi_kedro.pipelines.mixing.nodes import (
    accumulate_examples,
    balance_examples,
    leave_out_leaks,
    render_examples,
    select_voted_paths,
)
from lmsi_kedro.pipelines.mixing.rendering import disturbed
from lmsi_kedro.tasks import Exemplar, Task, Tasks
from tests.fabricate import TASKS
from tests.models import tiny_model
from tests.pipelines.mixing.rendered import FORMATS, MIXING, TEXTS, render, tables

ENGINE = EngineParams(
    executor="processes", ray_address=None, workers=1, dtype="float32", paths_per_chunk=8, rows=8,
    chat="auto", trust_remote_code=False, skip_too_long=False,
)  # fmt: skip


def test_selected_paths_have_their_texts() -> None:
    answers, paths, *_ = tables()
    selected = schemas.selected(select_voted_paths(answers, [paths[:5], paths[5:]]))
    assert selected.select("question_id", "path").rows() == [
        ("q0", 0),
        ("q0", 1),
        ("q1", 0),
        ("q1", 1),
    ]
    assert selected["text"].to_list() == TEXTS[:2] * 2
    assert set(selected["key"]) == {"num:4", "choice:B"}


def test_random_arm_keeps_counts_and_ignores_votes() -> None:
    answers, paths, *_ = tables()
    readings = answers.with_columns(content=pl.Series(["a", "b", "a", "c", "d", "e"] * 2))
    voted = select_voted_paths(answers, [paths])
    drawn = [
        select_random_paths(readings, [paths], voted, MIXING.model_copy(update={"seed": seed}))
        for seed in range(20)
    ]
    for table in drawn:
        schemas.selected(table)
        assert table.group_by("question_id").len().sort("question_id")["len"].to_list() == [2, 2]
        assert table["key"].null_count() == 0
        assert 2 not in set(table["path"])  # a copy of path 0
    assert "num:5" in set(pl.concat(drawn)["key"])


def test_paths_are_rendered_in_four_formats() -> None:
    """Every path becomes CoT examples, each direct answer becomes one example, and choices are given by letter."""
    examples = schemas.examples(render())
    counts = dict(examples.filter(question_id="q0").group_by("format").len().iter_rows())
    assert counts == {
        "few_shot_cot": 2,
        "zero_shot_cot": 2,
        "few_shot_direct": 1,
        "zero_shot_direct": 1,
    }
    rows = {row["format"]: row for row in examples.filter(question_id="q0").iter_rows(named=True)}
    shots = "Q: 1 + 1?\nA: 1 + 1 = 2. The answer is 2.\n\n"
    assert rows["few_shot_cot"]["prompt"] == shots + "Q: 2 + 2?\nA:"
    assert rows["few_shot_direct"]["prompt"] == "Q: 1 + 1?\nA: The answer is 2.\n\nQ: 2 + 2?\nA:"
    assert rows["zero_shot_cot"]["prompt"] == "Q: 2 + 2?\nA: Let's think step by step."
    assert rows["zero_shot_direct"]["prompt"] == "Q: 2 + 2?\nA:"
    assert rows["few_shot_direct"]["target"] == " The answer is 4."
    assert rows["zero_shot_cot"]["target"] in {f" {text}" for text in TEXTS[:4]}
    choice = examples.filter(question_id="q1", format="zero_shot_direct").row(0, named=True)
    assert choice["prompt"] == "Q: Which?\nAnswer Choices: (A) x (B) y\nA:"
    assert choice["target"] == " The answer is (B)."


@pytest.mark.parametrize(
    ("direct", "weights"), [("once", [1]), ("weight", [2]), ("copies", [1, 1])]
)
def test_direct_examples_are_weighted_or_copied(direct: str, weights: list[float]) -> None:
    examples = render(MIXING.model_copy(update={"direct": direct}))
    for prompt_format in ("zero_shot_direct", "few_shot_direct"):
        assert (
            examples.filter(question_id="q0", format=prompt_format)["weight"].to_list() == weights
        )
    assert examples.filter(question_id="q0", format="few_shot_cot")["weight"].to_list() == [1, 1]


def test_weighted_direct_examples_count_their_own_key() -> None:
    """The arm `random` has paths with different answers to a question."""
    answers, paths, questions, exemplars = tables()
    selected = select_voted_paths(
        answers.with_columns(kept=pl.col("path").is_in([0, 1, 4])), [paths]
    )
    weighted = MIXING.model_copy(update={"direct": "weight"})
    examples = render_examples(selected, questions, exemplars, TASKS, weighted)
    direct = examples.filter(question_id="q0", format="zero_shot_direct")
    assert dict(direct.select("target", "weight").iter_rows()) == {
        " The answer is 4.": 2.0,
        " The answer is 5.": 1.0,
    }


def test_format_with_part_0_is_left_out() -> None:
    parts = MIXING.parts | {"few_shot_cot": 0.0}
    assert "few_shot_cot" not in set(render(MIXING.model_copy(update={"parts": parts}))["format"])
    with pytest.raises(ValidationError, match=r"mixing\.parts: every part is 0"):
        MixingParams(**{**MIXING.model_dump(), "parts": dict.fromkeys(FORMATS, 0)})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model.at(tiny_model(tmp_path_factory.mktemp("model")))


@pytest.mark.parametrize("balancing", ["rows", "tokens"])
def test_a_balanced_mixture_has_the_parts(balancing: str, model: Model) -> None:
    """The parts are shares of the weighted rows or of the weighted target tokens, which are counted here."""
    parts = dict(zip(FORMATS, [2.0, 1.0, 1.0, 0.5], strict=True))
    mixing = MIXING.model_copy(update={"balance": balancing, "parts": parts})
    mixture = balance_examples(render(mixing), model, mixing, ENGINE)
    tokenizer = AutoTokenizer.from_pretrained(model.path)
    size = [
        1 if balancing == "rows" else len(tokenizer(target)["input_ids"]) + 1
        for target in mixture["target"]
    ]
    shares = dict(
        mixture.with_columns(size=pl.Series(size) * pl.col("weight"))
        .group_by("format").agg(pl.col("size").sum()).iter_rows()
    )  # fmt: skip
    for prompt_format, part in parts.items():
        assert shares[prompt_format] / sum(shares.values()) == pytest.approx(part / 4.5)


def test_an_unbalanced_mixture_multiplies_the_parts(model: Model) -> None:
    mixing = MIXING.model_copy(update={"parts": MIXING.parts | {"few_shot_direct": 3.0}})
    mixture = balance_examples(render(mixing), model, mixing, ENGINE)
    weights = mixture.group_by("format").agg(pl.col("weight").unique())
    assert dict(weights.iter_rows()) == {
        prompt_format: [weight] for prompt_format, weight in mixing.parts.items()
    }


def test_question_without_exemplars_uses_few_shot_part(model: Model) -> None:
    answers, paths, questions, exemplars = tables()
    bare = Tasks({name: Task(kind=task.kind) for name, task in TASKS.root.items()})
    mixing = MIXING.model_copy(update={"parts": {"few_shot_cot": 2.0}})
    zero_shot = [paths.with_columns(exemplar_set=pl.lit("none"))]
    selected = select_voted_paths(answers, zero_shot)
    examples = render_examples(selected, questions, exemplars, bare, mixing)
    assert set(examples["format"]) == {"zero_shot_cot"}
    assert set(balance_examples(examples, model, mixing, ENGINE)["weight"]) == {2.0}


def test_a_question_is_never_its_own_exemplar() -> None:
    answers, paths, questions, exemplars = tables()
    doubled = pl.concat(
        [
            exemplars,
            exemplars.filter(exemplar_set="mini_gsm").with_columns(question=pl.lit(" 2 + 2 ")),
        ]
    )
    selected = select_voted_paths(answers, [paths])
    examples = render_examples(selected, questions, doubled, TASKS, MIXING)
    assert examples.equals(render())


def test_training_prompts_may_have_other_exemplars() -> None:
    shots = [Exemplar(question=f"{n}?", rationale="r", answer=str(n)) for n in range(8)]
    assert disturbed(shots, "same", "q") == shots
    orders = [disturbed(shots, "shuffled", f"q{n}") for n in range(20)]
    assert all(sorted(order, key=shots.index) == shots for order in orders)
    assert len({tuple(shot.answer for shot in order) for order in orders}) == 20
    kept = [disturbed(shots, "dropped", f"q{n}") for n in range(200)]
    assert all(some and sorted(some, key=shots.index) == list(some) for some in kept)
    assert 3.5 < sum(map(len, kept)) / 200 < 4.5
    assert disturbed(shots, "dropped", "q7") == kept[7]
    assert disturbed([], "dropped", "q") == []


def test_training_prompt_has_the_exemplars_of_its_path() -> None:
    answers, paths, questions, exemplars = tables()
    other = exemplars.filter(exemplar_set="mini_gsm").with_columns(question=pl.lit("3 + 3?"))
    exemplars = pl.concat([exemplars, other.with_columns(exemplar_set=pl.lit("mini_gsm/2"))])
    first = (pl.col("path") == 0) & (pl.col("exemplar_set") == "mini_gsm")
    spread = paths.with_columns(
        exemplar_set=pl.when(first).then(pl.lit("mini_gsm/2")).otherwise("exemplar_set")
    )
    selected = select_voted_paths(answers, [spread])
    examples = render_examples(selected, questions, exemplars, TASKS, MIXING)
    shown = examples.filter(question_id="q0", format="few_shot_cot").sort("path")["prompt"]
    assert [prompt.split("\n")[0] for prompt in shown] == ["Q: 3 + 3?", "Q: 1 + 1?"]
    with pytest.raises(ValueError, match="'mini_gsm/2', which no longer exist; sample again"):
        render_examples(selected, questions, tables()[3], TASKS, MIXING)


def test_questions_of_an_evaluation_set_are_not_taught() -> None:
    answers, paths, questions, _ = tables()
    story = "Ann has two red hats and buys three more of them on a rainy Monday in May."
    rows = [("q0", "mini_gsm", "unlabeled", f"{story} How many?", None, None),
            ("q1", "mini_arc", "unlabeled", "Which?", None, ["x", "y"]),
            ("h0", "mini_gsm", "held_out", f"{story} How many hats are not red?", None, None),
            ("h1", "mini_arc", "probe", " which", None, ["X", "y."])]  # fmt: skip
    asked = pl.DataFrame(rows, schema=schemas.QUESTIONS, orient="row")
    selected = select_voted_paths(answers, [paths])
    taught, leaks = leave_out_leaks(selected, asked)
    assert leaks == {"questions": 2, "exact": 1, "overlapping": 1, "words": 13}
    assert set(taught["question_id"]) == {"q0"}
    with pytest.raises(ValueError, match="is also a held-out or probe question"):
        leave_out_leaks(selected.filter(question_id="q1"), asked)
    alone, none = leave_out_leaks(selected, questions)
    assert alone.equals(selected)
    assert none == {"questions": 2, "exact": 0, "overlapping": 0, "words": 13}


def test_newest_vote_on_a_question_replaces_older_ones() -> None:
    answers, paths, questions, exemplars = tables()
    first = render()
    again = select_voted_paths(answers.filter(question_id="q1"), [paths])
    second = render_examples(again, questions, exemplars, TASKS, MIXING, round_number=2)
    both = schemas.examples(accumulate_examples(first, second))
    assert set(second["round"]) == {2}
    assert set(both.filter(question_id="q0")["round"]) == {1}
    assert set(both.filter(question_id="q1")["round"]) == {2}


def test_nothing_kept_is_an_error() -> None:
    answers, paths, *_ = tables()
    with pytest.raises(ValueError, match=r"votes: none of 12 paths was kept \(12 r\)"):
        select_voted_paths(answers.with_columns(kept=pl.lit(False)), [paths])


@pytest.mark.parametrize(
    ("weight", "counted"), [("none", 1.0), ("confidence", 0.75), ("margin", 0.5)]
)
def test_examples_are_weighted_by_their_vote(weight: str, counted: float) -> None:
    """The vote on q1 has margin 0, so with weight=margin q1 has no examples."""
    answers, paths, questions, exemplars = tables()
    selected = select_voted_paths(answers, [paths])
    votes = pl.DataFrame(
        {"question_id": ["q0", "q1"], "confidence": [0.75, 0.5], "margin": [0.5, 0.0]}
    )
    mixing = MIXING.model_copy(update={"weight": weight, "direct": "weight"})
    made = render_examples(selected, questions, exemplars, TASKS, mixing, votes)
    plain = render_examples(selected, questions, exemplars, TASKS, mixing)
    weights = schemas.examples(made).filter(question_id="q0").select("example_id", "weight")
    usual = plain.filter(question_id="q0").select("example_id", pl.col("weight") * counted)
    assert weights.equals(usual)
    assert ("q1" in made["question_id"]) is (weight != "margin")
