"""The summary has every table and figure of the paper, with the paper's own numbers next to ours."""

import json
from typing import Any

from lmsi_kedro.paper import figures as paper
from tests.reproduced import N


def test_summary_has_every_table_and_figure(made: dict[str, Any]) -> None:
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
