"""Makes each step of the loop available as a separate pipeline, on the data of round 1."""

from kedro.pipeline import Pipeline

from lmsi_kedro.params import Objective
from lmsi_kedro.pipelines.self_improve.pipeline import create_round

STEPS = {
    "sampling": ["round_1.plan_paths", "round_1.sample_paths"],
    "voting": ["round_1.read_answers", "round_1.count_votes", "round_1.keep_agreeing_paths"],
    "mixing": [
        "round_1.select_voted_paths",
        "round_1.select_paired_paths",
        "round_1.leave_out_leaks",
        "round_1.render_examples",
        "round_1.accumulate_examples",
        "round_1.balance_examples",
        "round_1.oppose_examples",
    ],
    "fine_tuning": ["round_1.choose_training", "round_1.fine_tune"],
}


def create_steps(*steps: str, objective: Objective = "sft") -> Pipeline:
    """Returns these steps of round 1, and the plan node, which is needed to find the stored paths."""
    nodes = {"round_1.plan_paths"}.union(*(STEPS[step] for step in steps))
    whole = create_round(1, objective=objective)
    return whole.only_nodes(*nodes & {node.name for node in whole.nodes})
