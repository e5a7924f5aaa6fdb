"""Every headroom figure equals the result of plain Python on fabricated paths, including degenerate cases."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import polars as pl
import pytest

from lmsi_kedro import statistics
from lmsi_kedro.evaluation.headroom import THRESHOLDS, measure_probe, measure_unlabeled
from lmsi_kedro.evaluation.marking import accepted_keys
from lmsi_kedro.params import VotingParams
from tests.fabricate import PATHS, TASKS, N, evaluation_readings, labels, questions

M = PATHS["self_consistency"]
VOTING = VotingParams(
    rule="trigger", ties="abstain", min_confidence=0.9, max_confidence=1.0,
    max_paths_per_question=None, seed=1,
)  # fmt: skip
Keys = Sequence[str | None]


def of_mode(mode: str) -> pl.DataFrame:
    """Readings of a mode: mini_gsm has two exemplar sets, which alternate every two paths; others have one."""
    taken = pl.when(pl.col("task") == "mini_gsm").then(pl.col("path") // 2 % 2).otherwise(0)
    made = evaluation_readings(N, skill=0.45).filter(mode=mode).sort("question_id", "path")
    return made.with_columns(exemplar_set=taken.cast(pl.String))


SAMPLED, GREEDY = of_mode("self_consistency"), of_mode("cot_greedy")
ANSWERS: dict[str, str | None] = dict(GREEDY.select("question_id", "key").iter_rows())
KEYS: dict[str, Keys] = {
    str(question): rows["key"].to_list()
    for (question,), rows in SAMPLED.partition_by("question_id", as_dict=True).items()
}


def winner(keys: Keys) -> str | None:
    counts = Counter(key for key in keys if key)
    best = [key for key, n in counts.items() if n == max(counts.values())]
    return best[0] if len(best) == 1 else None


def confidence(keys: Keys) -> float:
    return keys.count(winner(keys)) / len(keys)


def share(outcomes: list[bool]) -> Any:
    return pytest.approx(sum(outcomes) / len(outcomes))


@pytest.fixture(scope="module")
def unlabeled() -> dict[str, Any]:
    return measure_unlabeled(SAMPLED, GREEDY, VOTING, M)


def test_greedy_answers_are_compared_with_the_vote(unlabeled: dict[str, Any]) -> None:
    pairs = [(winner(keys), ANSWERS[question]) for question, keys in KEYS.items()]
    assert unlabeled["pooled"]["greedy"] == {
        "questions": 3 * N,
        "differ": share(
            [vote is not None and None is not greedy != vote for vote, greedy in pairs]
        ),
        "greedy_unparsable": share([bool(vote) and greedy is None for vote, greedy in pairs]),
        "vote_abstains": share([vote is None for vote, _ in pairs]),
    }
    assert all(unlabeled["pooled"]["greedy"].values())


def test_only_questions_with_a_greedy_path_are_compared() -> None:
    few = GREEDY.filter(task="mini_arc").head(7)
    found = measure_unlabeled(SAMPLED, few, VOTING, M)
    assert found["pooled"]["questions"] == 3 * N
    assert found["pooled"]["greedy"]["questions"] == 7
    assert found["pooled"]["greedy"] == found["tasks"]["mini_arc"]["greedy"]


def test_shares_of_confident_and_unparsable_answers(unlabeled: dict[str, Any]) -> None:
    sure = [confidence(keys) for keys in KEYS.values() if winner(keys)]
    places = Counter(max(least for least in THRESHOLDS if least <= share) for share in sure)
    found = unlabeled["pooled"]["confidence"]
    assert found == [{"least": least, "questions": places[least]} for least in THRESHOLDS]
    assert sum(entry["questions"] > 0 for entry in found) >= 5
    assert unlabeled["pooled"]["unparsable"] == share(
        [key is None for keys in KEYS.values() for key in keys]
    )


def test_stability_of_the_vote(unlabeled: dict[str, Any]) -> None:
    decided = [keys for keys in KEYS.values() if winner(keys)]
    halves = [(winner(keys[: M // 2]), winner(keys[M // 2 :])) for keys in decided]
    assert unlabeled["pooled"]["stability"] == {
        "questions": len(decided),
        "half": share(
            [first == winner(keys) for (first, _), keys in zip(halves, decided, strict=True)]
        ),
        "halves": share([first is not None and first == last for first, last in halves]),
    }


def test_questions_stopped_early_have_no_halves() -> None:
    stopped = SAMPLED.filter((pl.col("task") == "mini_gsm") | (pl.col("path") < 6))
    found = measure_unlabeled(stopped, GREEDY, VOTING, M)
    assert found["pooled"]["stability"] == found["tasks"]["mini_gsm"]["stability"]
    assert found["tasks"]["mini_arc"]["stability"] is None


def test_agreement_within_and_across_exemplar_sets(unlabeled: dict[str, Any]) -> None:
    alike: dict[bool, list[bool]] = {True: [], False: []}
    for (_,), rows in (
        SAMPLED.filter(task="mini_gsm").partition_by("question_id", as_dict=True).items()
    ):
        for one, other in combinations(rows.select("exemplar_set", "key").iter_rows(), 2):
            alike[one[0] == other[0]].append(one[1] is not None and one[1] == other[1])
    expected = {"within": share(alike[True]), "across": share(alike[False])}
    assert unlabeled["pooled"]["exemplar_sets"] == expected
    assert unlabeled["tasks"]["mini_gsm"]["exemplar_sets"] == expected
    assert unlabeled["tasks"]["mini_arc"]["exemplar_sets"] is None


def test_agreement_with_one_path_per_exemplar_set() -> None:
    alone = SAMPLED.filter(task="mini_gsm").with_columns(
        exemplar_set=pl.col("path").cast(pl.String)
    )
    assert measure_unlabeled(alone, GREEDY, VOTING, M)["pooled"]["exemplar_sets"]["within"] is None


def test_unparsable_paths_agree_with_no_other() -> None:
    sets = {"exemplar_set": pl.Series(["one", "one", "two", "two"])}
    paths = paths_of({"a": [None, None, None, "num:1"]}).with_columns(**sets)
    found = measure_unlabeled(paths, paths_of({"a": [None]}), VOTING, 4)
    assert found["pooled"]["exemplar_sets"] == {"within": 0, "across": 0}


def accepted() -> pl.DataFrame:
    return accepted_keys(labels(N), questions(N), TASKS)


def test_probe_figures_by_confidence() -> None:
    right = dict(accepted().iter_rows())
    found = measure_probe(SAMPLED, GREEDY, accepted(), VOTING)
    assert found["questions"] == 3 * N
    assert found["vote_abstains"] == sum(winner(keys) is None for keys in KEYS.values())
    assert [row["threshold"] for row in found["thresholds"]] == list(THRESHOLDS)
    for row in found["thresholds"]:
        kept = {q for q, k in KEYS.items() if winner(k) and confidence(k) >= row["threshold"]}
        vote = {q for q in kept if winner(KEYS[q]) in right[q]}
        greedy = {q for q in kept if ANSWERS[q] in right[q]}
        gained, lost = len(vote - greedy), len(greedy - vote)
        assert row["n"] == row["vote"]["n"] == row["greedy"]["n"] == len(kept)
        assert row["kept"] == pytest.approx(len(kept) / (3 * N))
        assert row["vote"]["accuracy"] == pytest.approx(len(vote) / len(kept))
        assert row["greedy"]["accuracy"] == pytest.approx(len(greedy) / len(kept))
        assert row["delta"] == pytest.approx((gained - lost) / len(kept))
        assert row["gain"] == pytest.approx(row["kept"] * row["delta"])
        assert row["p_value"] == statistics.mcnemar(gained, lost)
        interval = statistics.bootstrap_delta(gained, lost, len(kept))
        assert (row["delta_low"], row["delta_high"]) == interval
        assert (row["gain_low"], row["gain_high"]) == statistics.bootstrap_delta(
            gained, lost, 3 * N
        )
        assert row["shown"] is (row["gain_low"] > 0 and row["p_value"] < 0.05)
    assert found["best"]["gain"] == max(row["gain"] for row in found["thresholds"])


def paths_of(answers: dict[str, Keys]) -> pl.DataFrame:
    rows = [
        (q, "t", path, key, "one") for q, keys in answers.items() for path, key in enumerate(keys)
    ]
    columns = {"question_id": pl.String, "task": pl.String, "path": pl.Int32, "key": pl.String}
    return pl.DataFrame(rows, schema={**columns, "exemplar_set": pl.String}, orient="row")


def probe(vote: Sequence[Keys], greedy: Keys, right: str = "num:1") -> dict[str, Any]:
    names = [f"{n:02}" for n in range(len(greedy))]
    sampled = paths_of(dict(zip(names, vote, strict=True)))
    answered = paths_of({name: [key] for name, key in zip(names, greedy, strict=True)})
    known = pl.DataFrame({"question_id": names, "accepted": [[right]] * len(names)})
    return measure_probe(sampled, answered, known, VOTING)


def test_only_significant_advantage_is_shown() -> None:
    """With four gains and no loss, only the bootstrap interval is significant; with six, McNemar's test is too."""
    for gains, shown in ((4, False), (6, True)):
        greedy: Keys = ["num:2"] * gains + ["num:1"] * (20 - gains)
        best = probe([["num:1"] * 4] * 20, greedy)["best"]
        assert best["gain"] == gains / 20
        assert best["gain_low"] > 0
        assert best["shown"] is shown


def test_vote_worse_than_greedy_is_never_shown() -> None:
    best = probe([["num:2"] * 4] * 20, ["num:1"] * 20)["best"]
    assert best["gain"] == -1
    assert best["p_value"] < 0.05
    assert best["shown"] is False


def test_best_threshold_excludes_votes_that_lose() -> None:
    """Confident votes gain as many answers as the others lose, so all votes together gain nothing."""
    sure, unsure = ["num:1"] * 5, ["num:2", "num:2", "num:1", "num:3", "num:4"]
    found = probe([sure] * 10 + [unsure] * 10, ["num:2"] * 10 + ["num:1"] * 10)
    assert [row["threshold"] for row in found["thresholds"]] == list(THRESHOLDS)
    assert [row["gain"] for row in found["thresholds"]] == [0, 0, 0, 0.5, 0.5, 0.5]
    assert found["best"]["threshold"] == 0.6
    assert found["best"]["n"] == 10


def test_expected_gain_is_capped_by_the_errors() -> None:
    found = probe([["num:1"] * 4] * 20, ["num:2"] * 10 + ["num:1"] * 10)
    assert found["best"]["gain"] == 0.5
    assert found["expected"]["value"] < found["expected"]["high"] == 0.5


def test_figures_if_all_votes_are_tied() -> None:
    tied: Keys = ["num:1", "num:2"]
    found = probe([tied] * 5, ["num:1"] * 5)
    assert found == {
        "questions": 5,
        "vote_abstains": 5,
        "thresholds": [],
        "best": None,
        "expected": None,
    }
    unlabeled = measure_unlabeled(
        paths_of({"a": tied, "b": tied}), paths_of({"a": ["num:1"]}), VOTING, 2
    )["pooled"]
    assert unlabeled["greedy"] == {
        "questions": 1, "differ": 0, "greedy_unparsable": 0, "vote_abstains": 1,
    }  # fmt: skip
    assert sum(entry["questions"] for entry in unlabeled["confidence"]) == 0
    assert unlabeled["stability"] == {"questions": 0, "half": None, "halves": None}


def test_figures_without_parsable_paths() -> None:
    nothing: Keys = [None, None]
    found = measure_unlabeled(paths_of({"a": nothing}), paths_of({"a": [None]}), VOTING, 2)[
        "pooled"
    ]
    assert found["unparsable"] == 1
    assert found["greedy"]["vote_abstains"] == 1
    assert probe([nothing], [None])["best"] is None


def test_figures_with_one_path_per_question() -> None:
    found = measure_unlabeled(paths_of({"a": ["num:1"]}), paths_of({"a": [None]}), VOTING, 1)[
        "pooled"
    ]
    assert found["stability"] is None
    assert found["confidence"][-1] == {"least": 1.0, "questions": 1}
    assert found["greedy"]["greedy_unparsable"] == 1
