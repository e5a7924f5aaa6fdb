"""The page escapes text from models and files, packs the questions, and shows the measurements."""

import base64
import gzip
import hashlib
import json
import re
from typing import Any

import polars as pl

from lmsi_kedro.report.headroom import verdict
from lmsi_kedro.report.render import FOLDER, render
from tests.measured import FIGURES, UNLABELED
from tests.recorded import metrics_of_few, recorded

HOSTILE = "</script><script>alert('&')</script>{{ 7 * 7 }}\u202e"
SHOWN = "&lt;/script&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;{{ 7 * 7 }}\\u202e"
NONE = pl.DataFrame({"question_id": []})


def unpacked(page: str) -> Any:
    """The questions of a page, as its script reads them."""
    found = re.search(r'id="packed">([A-Za-z0-9+/=]*)</script>', page)
    assert found
    return json.loads(gzip.decompress(base64.b64decode(found[1])))


def test_text_of_models_is_shown_not_executed() -> None:
    """Questions are packed, so that HTML does not interpret their text; the script inserts it as text nodes."""
    record = recorded()
    record["parameters"]["paths"][HOSTILE] = HOSTILE
    record["command"] = HOSTILE
    questions = pl.DataFrame({"question_id": [HOSTILE]})
    metrics = {**metrics_of_few(), "generation": {HOSTILE: {"all": 1234, "cut off": 1034}}}
    page = render(metrics, questions, record)
    assert HOSTILE not in page
    assert "\u202e" not in page
    assert page.count(SHOWN) == 4  # the command, the generated task, a parameter's name and value
    assert unpacked(page) == [{"question_id": HOSTILE}]
    assert "<td>1,234</td><td>1,034</td>" in page


def test_only_the_script_of_the_page_may_run() -> None:
    page = render(metrics_of_few(), pl.DataFrame({"question_id": ["a"]}), recorded())
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert "innerHTML" not in script[0]


def test_without_questions_there_is_no_list() -> None:
    page = render(metrics_of_few(), NONE, recorded())
    assert "<script" not in page
    assert "All held-out questions" not in page


def test_page_says_if_questions_are_sampled() -> None:
    shown = pl.DataFrame({"question_id": ["a", "b"]})
    assert "2 of 15 held-out questions, a random sample" in render(
        metrics_of_few(), shown, recorded()
    )
    whole = pl.DataFrame({"question_id": [str(n) for n in range(15)]})
    assert "All 15 held-out questions" in render(metrics_of_few(), whole, recorded())


def test_headroom_is_shown_if_it_was_measured() -> None:
    assert "What was there to gain?" not in render(metrics_of_few(), NONE, recorded())
    found = {**UNLABELED, "unlabeled": {"pooled": FIGURES, "tasks": {HOSTILE: FIGURES}}}
    page = render(metrics_of_few(), NONE, recorded(), found)
    assert f"<li>{verdict(found)}</li>" in page
    assert f"<td>{SHOWN}</td><td>1,500</td>" in page


def test_stages_whose_tokens_are_not_counted_are_named() -> None:
    metrics = metrics_of_few()
    arms = "The counts do not include the tokens of the fine-tuning of control arms"
    page = render(metrics, NONE, recorded())
    assert f"{arms}. The time of an" in page
    page = render({**metrics, "generation": {"mini_gsm": {"all": 1}}}, NONE, recorded(), UNLABELED)
    more = "the generation of questions and exemplars, the greedy paths of the headroom"
    assert f"{arms}, {more}. The time of an" in page


def test_contents_link_to_existing_sections() -> None:
    page = render(metrics_of_few(), pl.DataFrame({"question_id": ["a"]}), recorded())
    linked = set(re.findall(r'href="#([^"]+)"', page))
    assert linked <= set(re.findall(r' id="([^"]+)"', page))
    assert {"accuracy", "controls", "votes", "training", "questions", "cost"} <= linked


def test_text_has_contrast_in_light_and_dark() -> None:
    """WCAG 2 requires a contrast of 4.5 for text and 3 for the marks of charts."""
    themes = re.findall(r":root \{(.*?)\}", (FOLDER / "report.css").read_text(), re.DOTALL)
    assert len(themes) == 2
    for theme in themes:
        colours = dict(re.findall(r"--(\w+): #(\w{6})", theme))
        for ground in (colours["ground"], colours["raised"]):
            for name in ("text", "soft", "accent", "right", "wrong"):
                assert contrast(colours[name], ground) >= 4.5, (name, ground)
            for name in ("before", "after", "control"):
                assert contrast(colours[name], ground) >= 3, (name, ground)


def contrast(one: str, other: str) -> float:
    high, low = sorted(map(luminance, (one, other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
