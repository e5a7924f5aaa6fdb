"""The headroom in sentences and tables, including unfavourable results."""

from typing import Any

import pytest

from lmsi_kedro.report.headroom import is_shown, sentences, tables, verdict
from tests.measured import FIGURES, ROW, UNLABELED, probed


def test_no_gain_is_promised_without_labels() -> None:
    assert verdict(UNLABELED) == (
        "The greedy answer and the vote differ on 17.0 % of 500 unlabeled questions: by voting at most 17.0 % of"
        " the answers can change."
    )
    assert not is_shown(UNLABELED)
    assert sentences(UNLABELED) == [verdict(UNLABELED)]


def test_unparsable_greedy_answers_add_to_possible_changes() -> None:
    greedy = FIGURES["greedy"] | {"greedy_unparsable": 0.03}
    found = {"pooled": FIGURES | {"greedy": greedy}, "tasks": {}}
    said = verdict(UNLABELED | {"unlabeled": found})
    assert "and 3.0 % have a vote but no greedy answer: by voting at most 20.0 %" in said


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {},
            "As in 14 measured rounds, a gain of +6.0 points (\u22121.0 to +13.0) is expected with"
            " voting.min_confidence=0.6: the vote is more accurate than the greedy path, +4.1 points (+1.0 to"
            " +7.2, p = 0.012) on 80 labeled probe questions.",
        ),
        (
            {"gain": 0.003, "gain_low": -0.02, "gain_high": 0.026, "p_value": 0.9, "shown": False},
            "The vote is not shown to be more accurate than the greedy path (at best +0.3 points (\u22122.0 to"
            " +2.6, p = 0.9) on 80 labeled probe questions, by votes with a confidence of at least 0.6): do not"
            " train on it, unless more labels show it.",
        ),
    ],
)
def test_verdict_of_a_probe(changed: dict[str, Any], said: str) -> None:
    found = probed(**changed)
    assert verdict(found) == said
    assert is_shown(found) is ROW["shown"] if not changed else not is_shown(found)
    assert "This used labels of the probe split (headroom.probe)." in sentences(found)


def test_probe_without_a_vote() -> None:
    nothing = {
        "questions": 80,
        "vote_abstains": 80,
        "thresholds": [],
        "best": None,
        "expected": None,
    }
    found = UNLABELED | {"probe": nothing}
    assert verdict(found) == "No vote on 80 labeled probe questions is decided: do not train on it."
    assert not is_shown(found)
    assert tables(found)[-1].rows == []


def test_exemplar_sets_are_compared_in_words() -> None:
    for within, told in ((0.5, "and in 50.0 % of the pairs from one set."), (None, "sets.")):
        sets = {"within": within, "across": 0.41}
        found = {"pooled": FIGURES | {"exemplar_sets": sets}, "tasks": {}}
        said = sentences(UNLABELED | {"unlabeled": found})[-1]
        assert said.startswith("Two paths on a question agree in 41.0 % of the pairs")
        assert said.endswith(told)


def test_tables_show_all_headroom_figures() -> None:
    differences, confidences, advantages = tables(probed())
    cells = ["1,500", "500", "17.0 %", "0.0 %", "2.0 %", "90.0 %", "80.0 %", "4.0 %"]
    assert differences.rows == [["all", *cells], ["sums", *cells]]
    assert confidences.columns == ["task", "from 0", "from 0.2"]
    assert confidences.rows[0] == ["all", "1,000", "1,000"]
    assert advantages.rows == [
        [
            "0.6",
            "60",
            "75.0 %",
            "50.0 %",
            "55.4 %",
            "+5.4 (+1.3 to +9.5)",
            "0.012",
            "+4.1 (+1.0 to +7.2)",
        ]
    ]
    for table in (differences, confidences, advantages):
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_one_path_has_no_stability() -> None:
    found = {"pooled": FIGURES | {"stability": None}, "tasks": {}}
    assert tables(UNLABELED | {"unlabeled": found})[0].rows[0][6:8] == ["", ""]
