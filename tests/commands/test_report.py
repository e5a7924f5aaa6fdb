"""`lmsi report` on a finished run, a missing one and a damaged one."""

import json
from pathlib import Path

import pytest

from lmsi_kedro.commands import main

ROW = {"delta": 0.1, "delta_low": 0.05, "delta_high": 0.15, "p_value": 0.001}
ARM = {"pooled": {"cot_greedy": ROW}}
METRICS = {
    "headline": {
        "before": 0.5,
        "after": 0.6,
        **ROW,
        "n": 200,
        "improved": True,
        "beats_controls": True,
        "arms": {
            "random": {
                "gain": 0.1,
                "gain_high": 0.15,
                "share": 1.0,
                "p_value": 0.001,
                "beaten": True,
            }
        },
        "guard": "none",
    },
    "rounds": [
        {
            **ARM,
            "tasks": {},
            "votes": {"unreadable": 0.04, "confidence": 0.5},
            "sampling": {"tokens": 24_000},
            "monitor": {"promoted": True, "alarms": [], "doubts": []},
        }
    ],
    "controls": {"random": ARM},
    "vote_over": {"random": ARM},
    "equal_compute": {},
}


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    path = tmp_path / "08_reporting" / "metrics.json"
    path.parent.mkdir()
    path.write_text(json.dumps(METRICS), encoding="utf-8")
    return path


def test_result_page_and_model_are_printed(
    metrics: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", f"--params=data_root={metrics.parents[1]}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "CoT greedy accuracy on 200 held-out questions: 50.0 % → 60.0 %"
    assert lines[1].startswith("Every round was promoted")
    assert lines[3].startswith("The model improved")
    assert lines[-5:-2] == [
        "Nothing got worse beyond chance.",
        f"report  {metrics.with_name('report.html')}",
        f"model   {metrics.parents[1] / '06_models/model_1'}",
    ]


@pytest.mark.parametrize("content", [None, "{", "[]", '{"headline": {}}'])
def test_bad_input_is_one_sentence_naming_the_file(
    metrics: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics.unlink() if content is None else metrics.write_text(content)
    assert main(["report", f"--params=data_root={metrics.parents[1]}"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert str(metrics) in captured.err
