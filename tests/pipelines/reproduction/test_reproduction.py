"""The reproduction: questions of each seed, curves by question, the page, and a graph without duplicate work."""

import json

from lmsi_kedro.evaluation.curves import tallies
from lmsi_kedro.mini_world import FAMILIES
from lmsi_kedro.mini_world.params import WorldParams
from lmsi_kedro.pipelines.reproduction import create_pipeline
from lmsi_kedro.pipelines.reproduction.nodes import (
    curve_of_questions,
    draw_questions,
    render_page,
)
from lmsi_kedro.report.real_model import on_real_model
from lmsi_kedro.tasks import Tasks
from tests.fabricate import TASKS, evaluation_readings, labels, questions
from tests.reproduced import ALARM, models, reproduction


def test_curves_are_exact_per_question() -> None:
    readings, known, asked = evaluation_readings(3, 0.5), labels(3), questions(3)
    curve = curve_of_questions(readings, known, asked, TASKS, seed=7)
    groups = tallies(readings, known, asked, TASKS)
    assert set(curve["k"]) == {1, 2, 4, 5, 8}
    for row in curve.iter_rows(named=True):
        assert row["maj"] == groups[row["question_id"]].maj(row["k"])
        assert row["pass"] == groups[row["question_id"]].passes(row["k"])


def test_every_seed_has_fresh_questions() -> None:
    world = WorldParams(seed=2026, unlabeled=5, held_out=5, probe=2, exemplars=1)
    tasks = Tasks({name: TASKS[name] for name in FAMILIES if name in TASKS.root})
    first, again, other = (draw_questions(world, tasks, seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert set(first["question"]).isdisjoint(other["question"])


def test_page_shows_paper_and_own_figures() -> None:
    made = reproduction(models())
    page = render_page(json.loads(json.dumps(made)))
    assert "56.5, 73.5" in page
    assert "-, 74.4" in page
    assert "Formats (table 5)" in page
    top = page.partition("<h2>")[0]
    assert "Seed 2: the collapse monitor did not promote round 1." in top
    assert "Seed 1: the collapse monitor did not promote round 2." in top
    assert top.count("Seed ") == 2
    assert top.count(ALARM.replace(">", "&gt;")) == 2
    shown = [*made["findings"], *on_real_model().values()]  # two columns
    assert page.count(">holds</b>") == sum(found["verdict"] == "holds" for found in shown)
    for loading in ("<script src", "<link", 'src="http'):
        assert loading not in page


def test_shared_inputs_are_made_once() -> None:
    """Counts every training and sampling of the graph for two seeds."""
    pipeline = create_pipeline([1, 2], [0.7, 1.2])
    trained = [node.name for node in pipeline.nodes if node.name.endswith("fine_tune")]
    assert len(trained) == 2 * 6 + 4  # second round, generated questions, the smaller model twice
    votes = [node for node in pipeline.nodes if node.func.__name__ == "plan_votes"]
    assert len(votes) == 3 + 2
    assert "reproduction_page" in pipeline.outputs()
    for node in pipeline.nodes:
        if node.name.endswith("fine_tune"):
            seen = pipeline.to_outputs(*node.outputs).datasets()
            assert not {name for name in seen if name.endswith(".labels")}


def test_every_round_is_reported_with_its_verdict() -> None:
    """These are the first round of each seed, the second round, and the round of the smaller model."""
    pipeline = create_pipeline([1, 2], [0.7])
    (gathered,) = [node for node in pipeline.nodes if node.name == "gather_verdicts"]
    made = {name: node.name for node in pipeline.nodes for name in node.outputs}
    assert [(name, made[name]) for name in gathered.inputs] == [
        ("verdict_vote_1", "seed_1.monitor_candidate_1.promote_candidate"),
        ("verdict_vote_2", "seed_2.monitor_candidate_1.promote_candidate"),
        ("verdict_second_1", "seed_1.monitor_candidate_2.promote_candidate"),
        ("verdict_student_vote_1", "seed_1.student.monitor_candidate_1.promote_candidate"),
    ]


def test_reproduction_uses_its_own_evaluation_parameters() -> None:
    """No node reads the evaluation parameters of other pipelines."""
    pipeline = create_pipeline([1, 2], [0.7, 1.2])
    assert "params:reproduction_evaluation" in pipeline.inputs()
    assert "params:evaluation" not in pipeline.inputs()
