"""Every planned path has the right prompt and exemplar set."""

from pathlib import Path

import polars as pl
import pytest

from lmsi_kedro import schemas
from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.params import EngineParams, PathParams, Sampling, VotingParams
from lmsi_kedro.pipelines.sampling.nodes import plan_paths
from lmsi_kedro.tasks import Exemplar, Task, Tasks
from lmsi_kedro.tasks.questions import (
    exemplar_sets,
    exemplars_of,
    prompts_alike,
    prompts_of,
    spread,
)

ENGINE = EngineParams(
    executor="processes", ray_address=None, workers=1, dtype="float32", paths_per_chunk=8, rows=8, chat="auto",
    trust_remote_code=False, skip_too_long=False,
)  # fmt: skip
VOTING = VotingParams(
    rule="trigger", ties="abstain", min_confidence=0.0, max_confidence=1.0, max_paths_per_question=4, seed=1
)  # fmt: skip
TASK = Task(kind="number", exemplar_set="sums")
QUESTIONS = pl.DataFrame(
    [(f"q{i}", "sums", "unlabeled", f"{i} + 1?", None, None) for i in range(3)],
    schema=schemas.QUESTIONS,
    orient="row",
)


def exemplars(*sets: str) -> pl.DataFrame:
    rows = [(name, f"{name}: 2 + 2?", None, None, "2 + 2 = 4.", "4") for name in sets]
    return pl.DataFrame(rows, schema=schemas.EXEMPLARS, orient="row")


def plan(m: int, *sets: str) -> Plan:
    model = Model(Path("model"), "digest")
    sampling = Sampling(temperature=0.7, max_new_tokens=4, seed=3)
    paths = PathParams(m=m, sampling=sampling, questions_per_task=3)
    return plan_paths(
        QUESTIONS, exemplars(*sets), model, Tasks({"sums": TASK}), paths, ENGINE, VOTING
    )


def asked_with(made: Plan) -> dict[tuple[str, int], str]:
    """The exemplar set of every path, after checking its prompt."""
    found: dict[tuple[str, int], str] = {}
    for chunk in made.chunks.values():
        for request in chunk.requests:
            name = chunk.columns["exemplar_set"]
            assert request.prompt.startswith(f"Q: {name}: ")
            found |= {(request.question_id, path): name for path in request.paths}
    return found


def test_left_out_questions_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    sampling = Sampling(temperature=0.7, max_new_tokens=4, seed=3)
    tables = (QUESTIONS, exemplars("sums"), Model(Path("model"), "digest"), Tasks({"sums": TASK}))
    for limit, logged in ((2, True), (3, False)):
        paths = PathParams(m=2, sampling=sampling, questions_per_task=limit)
        with caplog.at_level("INFO"):
            asked = asked_with(plan_paths(*tables, paths, ENGINE, VOTING))
        assert {question for question, _ in asked} == {f"q{q}" for q in range(limit)}
        said = "Task sums: only the first 2 of 3 unlabeled questions are sampled" in caplog.text
        assert said is logged
        caplog.clear()


def test_each_round_has_its_own_temperature() -> None:
    """temperatures has one entry per round, and the last one applies to all later rounds."""
    sampling = Sampling(temperature=0.7, max_new_tokens=4, seed=3)
    paths = PathParams(m=2, sampling=sampling, questions_per_task=3, temperatures=[0.5, 0.9])
    model, tasks = Model(Path("model"), "digest"), Tasks({"sums": TASK})
    tables = (QUESTIONS, exemplars("sums"), model, tasks)
    drawn = [
        {
            chunk.sampling.temperature
            for chunk in plan_paths(*tables, paths, ENGINE, VOTING, k).chunks.values()
        }
        for k in (1, 2, 3)
    ]
    assert drawn == [{0.5}, {0.9}, {0.9}]
    assert paths.model_copy(update={"temperatures": None}).sampling_in(3, model) == sampling


def test_paths_are_spread_evenly_over_exemplar_sets() -> None:
    """With 40 paths and 20 sets, each set is used for two paths, as in the paper."""
    names = [f"sums/{i:02}" for i in range(20)]
    found = asked_with(plan(40, *names))
    assert found == {(f"q{q}", path): names[path // 2] for q in range(3) for path in range(40)}
    assert asked_with(plan(6, "sums/1", "sums/2"))["q0", 4] == "sums/1"


def test_raising_m_keeps_exemplar_sets_and_chunks() -> None:
    names = [f"sums/{i}" for i in range(3)]
    few, many = plan(4, *names), plan(10, *names)
    assert set(few.chunks) < set(many.chunks)
    assert asked_with(few).items() < asked_with(many).items()


def test_a_single_exemplar_set_gets_all_paths() -> None:
    assert set(asked_with(plan(12, "sums")).values()) == {"sums"}
    assert len(asked_with(plan(12, "sums"))) == 36


def test_task_uses_the_exemplar_folder_it_names() -> None:
    table = exemplars("other", "sums/1", "sums/2", "sumsum", "sumsum/1")
    assert list(exemplar_sets(table, TASK)) == ["sums/1", "sums/2"]
    assert exemplars_of(table, TASK)[0].question == "sums/1: 2 + 2?"
    assert exemplar_sets(table, Task(kind="number")) == {"none": []}
    with pytest.raises(ValueError, match="the set 'sums' is empty or has no file"):
        exemplar_sets(exemplars("other"), TASK)


def test_question_among_exemplars_is_prompted_without_itself() -> None:
    """The chunks of all other questions then begin with the same exemplars."""
    shots = [Exemplar(question=f"{i} + 1?", rationale="So.", answer=str(i + 1)) for i in (7, 1)]
    one, two = prompts_alike(QUESTIONS, "few_shot_cot", shots)
    assert [list(one), list(two)] == [["q0", "q2"], ["q1"]]
    assert [prompt.count("Q: ") for prompt in (*one.values(), *two.values())] == [3, 3, 2]
    assert one | two == prompts_of(QUESTIONS, "few_shot_cot", shots)
    (zero_shot,) = prompts_alike(QUESTIONS, "zero_shot_cot", shots)
    assert len(zero_shot) == 3
    spread_out = list(spread(QUESTIONS, "few_shot_cot", {"a": shots, "b": shots[:1]}, 4))
    assert [(name, m, list(asked)) for name, m, asked in spread_out] == [
        ("a", range(2), ["q0", "q2"]),
        ("a", range(2), ["q1"]),
        ("b", range(2, 4), ["q0", "q1", "q2"]),
    ]


def early_plan(questions: pl.DataFrame, early_stop: float | None) -> Plan:
    sampling = Sampling(temperature=0.7, max_new_tokens=4, seed=3)
    paths = PathParams(m=16, sampling=sampling, questions_per_task=9, early_stop=early_stop)
    tables = (questions, exemplars("sums"), Model(Path("model"), "digest"), Tasks({"sums": TASK}))
    return plan_paths(*tables, paths, ENGINE, VOTING)


def test_early_stop_parses_answers_like_the_vote() -> None:
    """Four and 4.0 are the same answer, and unparsable paths do not count, so only q0 is decided."""
    texts = {
        "q0": ["So it is 4. The answer is 4.", "The answer is four.", "The answer is 4.0."] * 2
        + ["The answer is 5.", "I do not know."],
        "q1": ["The answer is 4."] * 5 + ["The answer is 5."] * 3,
        "q2": ["I do not know."] * 8,
    }
    tables = [
        pl.DataFrame({"question_id": question, "text": said, "finish": "stop"})
        for question, said in texts.items()
    ]
    following = early_plan(QUESTIONS, 0.95).then(tables)
    assert following is not None
    asked = {
        (r.question_id, r.paths) for chunk in following.chunks.values() for r in chunk.requests
    }
    assert asked == {("q1", range(8, 16)), ("q2", range(8, 16))}
    assert following.then([]) is None
    assert early_plan(QUESTIONS, None).then(tables) is None


def test_plan_without_questions_is_an_error() -> None:
    with pytest.raises(
        ValueError, match="questions: no in-domain task has a question in the split"
    ):
        early_plan(QUESTIONS.clear(), None)
