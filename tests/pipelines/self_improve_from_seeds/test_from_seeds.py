"""Generated questions and exemplars replace the given ones."""

import polars as pl

from lmsi_kedro import schemas
from lmsi_kedro.pipelines.self_improve.pipeline import create_pipeline as self_improve
from lmsi_kedro.pipelines.self_improve_from_seeds import create_pipeline
from lmsi_kedro.pipelines.self_improve_from_seeds.nodes import (
    add_funnel,
    name_exemplar_sets,
    replace_unlabeled,
)
from lmsi_kedro.tasks import Task, Tasks


def test_out_of_domain_tasks_borrow_generated_exemplars() -> None:
    given = Tasks(
        {
            "own": Task(kind="number"),
            "first": Task(kind="nli", exemplar_set="shared"),
            "second": Task(kind="nli", exemplar_set="shared"),
            "borrower": Task(kind="nli", exemplar_set="shared", in_domain=False),
            "stranger": Task(kind="span", exemplar_set="stranger", in_domain=False),
            "bare": Task(kind="span", in_domain=False),
        }
    )
    named = name_exemplar_sets(given)
    assert {name: task.exemplar_set for name, task in named.root.items()} == {
        "own": "own",
        "first": "first",
        "second": "second",
        "borrower": "first",
        "stranger": None,
        "bare": None,
    }
    assert named["borrower"].kind == "nli"


def test_only_evaluation_questions_are_kept() -> None:
    rows = [
        (f"{split}", "sums", split, "1 + 1?", None, None)
        for split in ("unlabeled", "held_out", "probe")
    ]
    given = pl.DataFrame(rows, schema=schemas.QUESTIONS, orient="row")
    made = given.filter(split="unlabeled").with_columns(question_id=pl.lit("made"))
    assert set(replace_unlabeled(given, made)["question_id"]) == {"made", "held_out", "probe"}


def test_the_loop_has_the_same_nodes() -> None:
    """The loop differs only in its summary, to which the funnel of generated questions is added."""
    own = {
        node
        for node in self_improve(2).nodes
        if node.name.startswith(("round_", "monitor_", "evaluation_"))
    }
    assert own < set(create_pipeline(2).nodes)
    assert add_funnel({"headline": 1}, {"sums": {"all": 2}}) == {
        "headline": 1,
        "generation": {"sums": {"all": 2}},
    }
