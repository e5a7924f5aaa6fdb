"""A synthetic reproduction of the paper: pooled predictions of every model, verdicts, and the summary."""

from typing import Any

import polars as pl

from lmsi_kedro.paper.summary import reproduce
from lmsi_kedro.pipelines.reproduction.nodes import curve_of_questions, gather_verdicts, pool
from tests.fabricate import TASKS, evaluation_readings, labels, predictions, questions

N = 40  # questions per task
SEEDS = (1, 2)
SKILLS = {"base": 0.4, "vote": 0.75, "random": 0.35, "shuffled": 0.2, "gold": 0.8, "direct_only": 0.45,
          "few_shot_cot_only": 0.65}  # fmt: skip
ONCE = {"student": 0.2, "student_vote": 0.25, "distilled": 0.6, "generated": 0.6, "second": 0.75}
ALARM = "mini_gsm: winner_entropy 4.00 -> 1.00"
HEALTHY = {"promoted": True, "alarms": [], "doubts": []}
REFUSED = {"promoted": False, "alarms": [ALARM], "doubts": []}
ROUNDS = (("vote", 1), ("vote", 2), ("second", 1), ("student_vote", 1))


def models() -> dict[str, pl.DataFrame]:
    """Predictions for two seeds on the same questions; the models of the second seed are slightly better."""
    made = {
        name: pool(*(predictions(N, skill + 0.001 * s, 1, name) for s in SEEDS), seeds=SEEDS)
        for name, skill in SKILLS.items()
    }
    for name, skill in ONCE.items():
        made[name] = pool(predictions(N, skill, 1, name), seeds=(1,))
    for name, skill in {"before": 0.4, "after_0": 0.75, "after_1": 0.7, "untrained": 0.41}.items():
        made[name] = pool(voted(skill, 1, name), seeds=(1,))
    votes = {"before": 0.4, "after_0": 0.75, "step_by_step": 0.2, "own_exemplars": 0.5}
    for name, skill in votes.items():
        made[f"curve_{name}"] = curve_of_questions(
            evaluation_readings(N, skill), labels(N), questions(N), TASKS, seed=1
        )
    return made


def reproduction(found: dict[str, pl.DataFrame]) -> dict[str, Any]:
    verdicts = gather_verdicts(HEALTHY, REFUSED, REFUSED, HEALTHY, rounds=ROUNDS)
    return reproduce(TASKS, verdicts, SEEDS, (0.7, 1.2), **found)


def voted(skill: float, round_number: int, arm: str) -> pl.DataFrame:
    made = predictions(N, skill, round_number, arm).filter(mode="self_consistency")
    return made.filter(pl.col("task").is_in(TASKS.in_domain))
