"""The page escapes what models and files say."""

import plotly.graph_objects as go

from lmsi_kedro.evaluation.comparison import compare
from lmsi_kedro.pipelines.reporting.nodes import gather_controls, summarise
from lmsi_kedro.report.headroom import verdict
from lmsi_kedro.report.render import answer, leaves, render
from tests.fabricate import TASKS, predictions
from tests.measured import FIGURES, UNLABELED

HOSTILE = "</script><script>alert('&')</script>"
SHOWN = "&lt;/script&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;"


def test_text_of_models_is_shown_not_executed() -> None:
    written = {"mode": "self_consistency", "text": HOSTILE, "key": f"span:{HOSTILE}", "right": True}
    tally = [{"key": written["key"], "votes": 1, "share": 1.0, "right": True}]
    model = {"greedy": written, "sampled": [written], "tally": tally}
    example = {
        **dict.fromkeys(("question_id", "task", "outcome", "question"), HOSTILE),
        **{"choices": [HOSTILE], "answers": [HOSTILE], "before": model, "after": model},
    }
    figure = go.Figure(go.Scatter(x=[1], name=HOSTILE))
    page = render(_metrics(), {"accuracy": figure}, [example], {"name": HOSTILE})
    assert HOSTILE not in page
    places = 4 + 2 + 2 * 3 + 1 + 1  # heading, choice and label, each model, path, setting
    assert page.count(SHOWN) == places


def test_the_funnel_of_generated_questions_is_shown() -> None:
    page = render(_metrics(), {}, [], {})
    assert "Where the questions came from" not in page
    funnel = {HOSTILE: {"all": 1234, "cut off": 1034, "admitted": 200}}
    page = render({**_metrics(), "generation": funnel}, {}, [], {})
    assert "<th>all</th><th>cut off</th><th>admitted</th>" in page
    assert f"<td>{SHOWN}</td><td>1,234</td><td>1,034</td><td>200</td>" in page


def test_headroom_is_shown_where_it_was_measured() -> None:
    assert "What was there to gain?" not in render(_metrics(), {}, [], {})
    found = {**UNLABELED, "unlabeled": {"pooled": FIGURES, "tasks": {HOSTILE: FIGURES}}}
    page = render(_metrics(), {}, [], {}, found)
    assert f"<li>{verdict(found)}</li>" in page
    assert f"<td>{SHOWN}</td><td>1,500</td>" in page


def test_keys_and_settings_are_readable() -> None:
    assert answer("num:37/2") == "37/2"
    assert answer("span:a: b") == "a: b"
    assert answer(None) == "no answer"
    assert dict(leaves({"a": {"b": {"c": 1}, "d": [2]}, "e": None})) == {
        "a.b.c": 1,
        "a.d": [2],
        "e": None,
    }


def _metrics() -> dict[str, object]:
    base, vote = predictions(5, 0.4), predictions(5, 0.7, 1, "vote")
    compared = compare(base, vote, TASKS)
    counts = dict.fromkeys(("questions", "decided", "tied", "kept"), 5)
    shares = ("unreadable", "confidence", "winner_entropy", "distinct_paths", "tokens_per_path")
    votes = {**counts, **dict.fromkeys(shares, 0.5)}
    sampling = {"paths": 40, "tokens": 900}
    funnel = {"questions": {"all": 5, "kept": 5}, "paths": {"all": 40, "kept": 20}}
    curves = {"questions": 5, "k": [1, 8], "maj": [0.4, 0.6], "pass": [0.4, 0.8]}
    support = {"before": 0.5, "candidate": 0.625, "low": 0.1, "high": 0.15}
    monitor = {
        "promoted": True,
        "alarms": [],
        "doubts": [],
        "support": support,
        "before": {},
        "candidate": {},
    }
    measured = {
        "step": compared["pooled"],
        "curves": {"before": curves, "after": curves},
        "monitor": monitor,
        "leaks": {"questions": 5, "exact": 1, "overlapping": 2, "words": 13},
    }
    controls = gather_controls(compared, compared, arms=["random"])
    return summarise(
        controls,
        {},
        "none",
        {
            "round": 1,
            **compared,
            **measured,
            "votes": votes,
            "funnel": funnel,
            "sampling": sampling,
        },
    )
