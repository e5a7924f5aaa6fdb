"""The paper's tables from invented predictions: contrasts by brute force, verdicts, and the page."""

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from lmsi_kedro.evaluation.curves import tallies
from lmsi_kedro.mini_world import FAMILIES
from lmsi_kedro.mini_world.params import WorldParams
from lmsi_kedro.paper import figures as paper
from lmsi_kedro.paper.contrasts import accuracy, answers, contrast, gain
from lmsi_kedro.paper.findings import finding, of_calibration
from lmsi_kedro.paper.summary import reproduce
from lmsi_kedro.pipelines.reproduction import create_pipeline
from lmsi_kedro.pipelines.reproduction.nodes import (
    curve_of_questions,
    draw_questions,
    gather_verdicts,
    pool,
    render_page,
)
from lmsi_kedro.statistics import mcnemar
from lmsi_kedro.tasks import Tasks
from tests.fabricate import TASKS, evaluation_readings, labels, predictions, questions

N = 40
SEEDS = (1, 2)
SKILLS = {"base": 0.4, "vote": 0.75, "random": 0.35, "shuffled": 0.2, "gold": 0.8, "direct_only": 0.45,
          "few_shot_cot_only": 0.65}  # fmt: skip
ONCE = {"student": 0.2, "student_vote": 0.25, "distilled": 0.6, "generated": 0.6, "second": 0.75}
ALARM = "mini_gsm: winner_entropy 4.00 -> 1.00"
HEALTHY = {"promoted": True, "alarms": [], "doubts": []}
REFUSED = {"promoted": False, "alarms": [ALARM], "doubts": []}
ROUNDS = (("vote", 1), ("vote", 2), ("second", 1), ("student_vote", 1))


def voted(skill: float, round: int, arm: str) -> pl.DataFrame:
    made = predictions(N, skill, round, arm).filter(mode="self_consistency")
    return made.filter(pl.col("task").is_in(TASKS.in_domain))


@pytest.fixture(scope="module")
def found() -> dict[str, pl.DataFrame]:
    """Two seeds of the same questions; the second one's models are a little better."""
    models = {
        name: pool(*(predictions(N, skill + 0.001 * s, 1, name) for s in SEEDS), seeds=SEEDS)
        for name, skill in SKILLS.items()
    }
    for name, skill in ONCE.items():
        models[name] = pool(predictions(N, skill, 1, name), seeds=(1,))
    for name, skill in {"before": 0.4, "after_0": 0.75, "after_1": 0.7, "untrained": 0.41}.items():
        models[name] = pool(voted(skill, 1, name), seeds=(1,))
    votes = {"before": 0.4, "after_0": 0.75, "step_by_step": 0.2, "own_exemplars": 0.5}
    for name, skill in votes.items():
        models[f"curve_{name}"] = curve_of_questions(
            evaluation_readings(N, skill), labels(N), questions(N), TASKS, seed=1
        )
    return models


@pytest.fixture(scope="module")
def made(found: dict[str, pl.DataFrame]) -> dict[str, Any]:
    verdicts = gather_verdicts(HEALTHY, REFUSED, REFUSED, HEALTHY, rounds=ROUNDS)
    return reproduce(TASKS, verdicts, SEEDS, (0.7, 1.2), **found)


def test_a_contrast_is_the_mean_of_the_weighted_answers(found: dict[str, pl.DataFrame]) -> None:
    greedy = {
        name: answers(found[name], "cot_greedy", TASKS.in_domain)
        for name in ("vote", "gold", "base")
    }
    by_hand = {name: values["value"].mean() for name, values in greedy.items()}
    share = contrast([(1, greedy["vote"]), (-0.7, greedy["gold"]), (-0.3, greedy["base"])])
    expected = by_hand["vote"] - 0.7 * by_hand["gold"] - 0.3 * by_hand["base"]  # type: ignore[operator]
    assert share["value"] == pytest.approx(expected)
    assert share["n"] == 2 * 2 * N
    questions = sorted(set(greedy["base"]["question_id"]))
    joined = greedy["vote"].join(greedy["base"], on=["seed", "question_id"])
    by_question = {
        q: (rows["value"] - rows["value_right"]).to_list()
        for (q,), rows in joined.partition_by("question_id", as_dict=True).items()
    }
    rng = np.random.default_rng(5)
    drawn = [
        np.mean(
            [by_question[questions[i]] for i in rng.integers(0, len(questions), len(questions))]
        )
        for _ in range(3000)
    ]
    gained = gain(greedy["base"], greedy["vote"])
    assert (gained["low"], gained["high"]) == pytest.approx(
        tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.02
    )
    first = joined.filter(seed=1)
    up = int((first["value"] > first["value_right"]).sum())
    down = int((first["value"] < first["value_right"]).sum())
    assert gained["p_values"]["1"] == mcnemar(up, down)
    assert set(gained["p_values"]) == {"1", "2"}
    with pytest.raises(ValueError, match="no question in common"):
        contrast([(1, greedy["base"]), (-1, greedy["vote"].clear())])


@pytest.mark.parametrize(
    ("value", "low", "high", "bound", "verdict"),
    [
        (0.2, 0.1, 0.3, 0.0, "holds"),
        (0.2, 0.1, 0.3, 0.15, "undecided"),
        (-0.01, -0.02, 0.01, -0.03, "holds"),
        (-0.2, -0.3, -0.1, 0.0, "does not hold"),
        (0.0, 0.0, 0.0, 0.0, "undecided"),
    ],
)
def test_a_verdict_needs_the_whole_interval(
    value: float, low: float, high: float, bound: float, verdict: str
) -> None:
    assert (
        finding("x", {"value": value, "low": low, "high": high, "n": 9}, bound)["verdict"]
        == verdict
    )


def unsure_votes(confident: int) -> pl.DataFrame:
    """Ten votes with a confidence of .5, of which eight are right, and ten of .9, of which so many are."""
    right = [True] * 8 + [False] * 2 + [True] * confident + [False] * (10 - confident)
    made = {"mode": "self_consistency", "task": "mini_gsm", "correct": right}
    return pl.DataFrame({**made, "confidence": [0.5] * 10 + [0.9] * 10})


@pytest.mark.parametrize(
    ("confident", "verdict"), [(10, "holds"), (5, "holds"), (0, "does not hold")]
)
def test_calibration_fails_only_beyond_the_intervals(confident: int, verdict: str) -> None:
    models = dict.fromkeys(("base", "vote"), unsure_votes(confident))
    for said in of_calibration(models, ["mini_gsm"]):
        assert said["verdict"] == verdict
        assert said["value"] == pytest.approx(confident / 10 - 0.8)
        assert (said["high"] < 0) is (verdict == "does not hold")
        assert "only if two bins' intervals do not overlap" in said["where"]


def test_every_table_and_figure_is_there(made: dict[str, Any]) -> None:
    json.dumps(made, allow_nan=False)
    assert set(made["tables"]) == {"main", "out_of_domain", "formats", "equal_compute", "temperature",
                                   "distillation", "generated_questions", "generated_prompts",
                                   "second_round"}  # fmt: skip
    assert set(made["figures"]) == {"paths", "calibration"}
    assert {"base", "vote", "random", "shuffled", "gold"} < set(made["arms"])
    for modes in made["arms"].values():
        assert set(modes) == {"standard", "cot_greedy", "self_consistency"}
    row = made["tables"]["main"]["rows"][1]
    assert row["name"] == "mini_gsm (GSM8K), CoT greedy"
    assert row["paper"] == (56.5, 73.5)
    assert row["ours"][0]["n"] == 2 * N
    assert made["tables"]["main"]["rows"][-1]["ours"][0]["n"] == 2 * 2 * N
    prompts = made["tables"]["generated_prompts"]
    assert prompts["columns"] == ["8 paths", "8 paths"]
    assert [row["paper"][1] for row in prompts["rows"]] == [70.1, 74.2, 74.4]
    questions = made["tables"]["generated_questions"]["rows"]
    assert [row["name"] for row in questions] == ["none", "the model's own", "given"]
    assert {row["ours"][0]["n"] for row in questions} == {2 * N}
    assert made["tables"]["out_of_domain"]["rows"][0]["paper"] == paper.OUT_OF_DOMAIN["SVAMP"]


def test_findings_follow_the_invented_skills(made: dict[str, Any]) -> None:
    said = {found["finding"]: found["verdict"] for found in made["findings"]}
    for task in TASKS.in_domain:
        assert said[f"CoT greedy gains in {task}"] == "holds"
    assert said["generated questions gain"] == "holds"
    assert said["given questions gain more"] != "does not hold"
    assert said["generated exemplars beat step by step"] == "holds"
    assert said["a second round gains"] != "holds"
    where = {found["finding"]: found["where"] for found in made["findings"]}
    assert where["a second round gains"] == f"not promoted: {ALARM}"
    assert "of seed 2" in where["CoT greedy gains 15 points on average"]
    assert said["the vote beats random paths"] == "holds"
    assert said["the vote gains 70 % of what gold gains"] != "does not hold"
    assert said["random paths gain less than 15 % of it"] == "holds"
    assert said["the larger model gains more from its own paths"] == "holds"
    assert said["after training the vote is better at T = 1.2 than at T = 0.7"] != "holds"
    assert len(said) == len(made["findings"])


def test_curves_are_exact_per_question() -> None:
    readings, known, asked = evaluation_readings(3, 0.5), labels(3), questions(3)
    curve = curve_of_questions(readings, known, asked, TASKS, seed=7)
    groups = tallies(readings, known, asked, TASKS)
    assert set(curve["k"]) == {1, 2, 4, 5, 8}
    for row in curve.iter_rows(named=True):
        assert row["maj"] == groups[row["question_id"]].maj(row["k"])
        assert row["pass"] == groups[row["question_id"]].passes(row["k"])


def test_seeds_are_of_questions_and_fresh() -> None:
    world = WorldParams(seed=2026, unlabeled=5, held_out=5, probe=2, exemplars=1)
    tasks = Tasks({name: TASKS[name] for name in FAMILIES if name in TASKS.root})
    first, again, other = (draw_questions(world, tasks, seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert set(first["question"]).isdisjoint(other["question"])


def test_the_page_shows_both_sides(made: dict[str, Any]) -> None:
    page = render_page(json.loads(json.dumps(made)))
    assert "56.5, 73.5" in page
    assert "-, 74.4" in page
    assert "Formats (table 5)" in page
    top = page.partition("<h2>")[0]
    assert "Seed 2: the collapse monitor refused round 1." in top
    assert "Seed 1: the collapse monitor refused round 2." in top
    assert top.count("Seed ") == 2
    assert top.count(ALARM.replace(">", "&gt;")) == 2
    assert page.count(">holds</b>") == sum(f["verdict"] == "holds" for f in made["findings"])
    for loading in ("<script src", "<link", 'src="http'):
        assert loading not in page


def test_what_one_seed_needs_is_made_once() -> None:
    """Two seeds: every training and sampling of the graph, counted."""
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
    """Of every seed, the second round and the smaller model."""
    pipeline = create_pipeline([1, 2], [0.7])
    (gathered,) = [node for node in pipeline.nodes if node.name == "gather_verdicts"]
    made = {name: node.name for node in pipeline.nodes for name in node.outputs}
    assert [(name, made[name]) for name in gathered.inputs] == [
        ("verdict_vote_1", "seed_1.monitor_candidate_1.promote"),
        ("verdict_vote_2", "seed_2.monitor_candidate_1.promote"),
        ("verdict_second_1", "seed_1.monitor_candidate_2.promote"),
        ("verdict_student_vote_1", "seed_1.student.monitor_candidate_1.promote"),
    ]


def test_every_model_is_asked_as_the_reproduction_says() -> None:
    """No node reads the evaluation of other pipelines."""
    pipeline = create_pipeline([1, 2], [0.7, 1.2])
    assert "params:reproduction_evaluation" in pipeline.inputs()
    assert "params:evaluation" not in pipeline.inputs()


def test_accuracy_has_wilson_bounds(found: dict[str, pl.DataFrame]) -> None:
    cell = accuracy(answers(found["vote"], "standard"))
    assert cell["low"] < cell["value"] < cell["high"]
    assert cell["n"] == 2 * 3 * N
