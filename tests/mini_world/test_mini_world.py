"""The answers of the mini world are correct, and its splits are disjoint."""

import re
from itertools import islice
from pathlib import Path
from random import Random

import polars as pl
import pytest
import yaml

from lmsi_kedro import kernels
from lmsi_kedro.mini_world import FAMILIES
from lmsi_kedro.mini_world.documents import documents, lists
from lmsi_kedro.mini_world.params import WorldParams
from lmsi_kedro.mini_world.passages import BUILDINGS
from lmsi_kedro.mini_world.pretraining import blocks, train_tokenizer
from lmsi_kedro.mini_world.problems import NAMES, OPENINGS, SPLITS, Problem, generate_problem
from lmsi_kedro.mini_world.questions import generate_distinct, make_exemplars, make_questions
from lmsi_kedro.tasks import Tasks
from lmsi_kedro.tasks.prompts import Question, render_question
from tests.mini_world.solvers import SOLVERS

TASKS = Tasks.model_validate(
    yaml.safe_load((Path(__file__).parents[2] / "conf/base/tasks.yml").read_text())["tasks"]
)
WORLD = WorldParams(seed=5, unlabeled=40, held_out=40, probe=20, exemplars=2)
EQUATION = re.compile(r"(\d+(?: [-+*] \d+)*) = (\d+)")


def value(sum_of_products: str) -> int:
    """'3 * 7 - 4' -> 17."""
    total = 0
    for sign, product in re.findall(r"(^|[-+] )((?:\d+)(?: \* \d+)*)", sum_of_products):
        term = 1
        for factor in product.split(" * "):
            term *= int(factor)
        total += -term if sign == "- " else term
    return total


@pytest.mark.parametrize("task", FAMILIES)
def test_every_equation_holds(task: str) -> None:
    rng = Random(1)
    for _ in range(300):
        problem = FAMILIES[task].generate(rng, True)
        for rationale in (problem.careful(rng), problem.hurried):
            equations = EQUATION.findall(rationale)
            assert equations or rationale.startswith("It looks like") or "not said" in rationale
            for left, right in equations:
                assert value(left) == int(right), rationale


@pytest.mark.parametrize("with_easy", [False, True])
@pytest.mark.parametrize("task", FAMILIES)
def test_answers_are_correct(task: str, with_easy: bool) -> None:
    """Independent solvers, which read only the question, find the same answers."""
    rng, wrong = Random(2), []
    for _ in range(500):
        problem = FAMILIES[task].generate(rng, with_easy)
        asked = render_question(Question(problem.question, problem.context, problem.choices))
        if SOLVERS[task](asked) != problem.answer:
            wrong.append(asked)
    expected = 500 / 84 if with_easy and task == "mini_nli" else 0  # see `premises.generate`
    assert len(wrong) == pytest.approx(expected, abs=6 if expected else 0), wrong


@pytest.mark.parametrize("task", FAMILIES)
def test_careful_rationales_end_with_the_answer(task: str) -> None:
    """The last step of a careful rationale contains the answer."""
    rng = Random(3)
    for _ in range(200):
        problem = FAMILIES[task].generate(rng, True)
        last = problem.careful(rng).removesuffix(".").split(", ")[-1]
        answer = problem.answer.split()[0].strip("()")  # the day of a date, the letter of a choice
        assert answer in re.findall(r"\w+", last) or last == "how many is not said"


def test_answers_of_each_kind_are_balanced() -> None:
    """No verdict is much rarer than the others, so none is a good guess."""
    for task, verdicts in (("mini_nli", 3), ("mini_strategy", 2)):
        answers = [p.answer for p in generate_distinct(task, "held_out", 600, seed=1)]
        counts = {answer: answers.count(answer) for answer in set(answers)}
        assert len(counts) == verdicts
        assert min(counts.values()) > 600 / verdicts * 0.8, counts


def test_passage_answers_are_numbers_names_and_dates() -> None:
    """The canonical answers of the kind `span` are numbers, names and dates."""
    problems = generate_distinct("mini_drop", "held_out", 200, seed=1)
    keys = kernels.canonical_keys([p.answer for p in problems], "span").to_list()
    assert {key.split(":")[0] for key in keys} == {"num", "span", "date"}
    assert all(problem.context for problem in problems)


def nameless(problem: Problem) -> str:
    """The text of a question without names and years."""
    asked = render_question(Question(problem.question, problem.context, problem.choices))
    return re.sub(rf"\b({'|'.join([*NAMES, *BUILDINGS])}|1[89]\d\d)\b", "_", asked)


def test_splits_are_disjoint_for_every_seed() -> None:
    """No question is in two splits, even if names are ignored."""
    seen: dict[str, str] = {}
    for task, family in FAMILIES.items():
        for split in SPLITS:
            for seed in range(3):
                rng = Random(f"{task} {split} {seed}")
                for _ in range(200):
                    asked = nameless(generate_problem(family, split, rng))
                    assert seen.setdefault(asked, split) == split
    assert len(seen) < len(FAMILIES) * len(SPLITS) * 3 * 200  # some questions occurred twice
    assert sum(SPLITS.values()) == 100


def test_documents_contain_no_evaluated_question() -> None:
    """The documents contain no unlabeled question either; the compared text is the one that a model reads."""
    questions = make_questions(WORLD, TASKS)
    columns = questions.select("question", "context", "choices")
    asked = {render_question(Question(*row)).removesuffix("\nA:") for row in columns.iter_rows()}
    for document in islice(documents(9), 3000):
        for question in document.split("\n\n"):
            assert question.split("\nA:")[0] not in asked


def test_documents_and_questions_are_reproducible() -> None:
    assert list(islice(documents(3), 50)) == list(islice(documents(3), 50))
    assert list(islice(documents(3), 50)) != list(islice(documents(4), 50))
    assert make_questions(WORLD, TASKS).equals(make_questions(WORLD, TASKS))


def test_documents_with_lists_repeat_their_entries() -> None:
    tokenizer = train_tokenizer(1, sample=2000)
    for said in islice(lists(3), 300):
        (opening,) = [o for o in OPENINGS if said.startswith(f"{o} ")]
        entries = said.removeprefix(f"{opening} ").removesuffix(".").split(", ")
        assert entries[: len(entries) // 2] == entries[len(entries) // 2 :]
        assert len(tokenizer(said)["input_ids"]) <= 60
    for block in islice(blocks(tokenizer, lists(3), 48), 20):
        assert len(block) == 48


def test_out_of_domain_questions_are_only_evaluated() -> None:
    """No such question is unlabeled; every question of the world has an answer."""
    questions = make_questions(WORLD, TASKS)
    for task in ("mini_svamp", "mini_strategy"):
        assert set(questions.filter(task=task)["split"]) == {"held_out", "probe"}
    for task in ("mini_gsm", "mini_arc", "mini_drop", "mini_nli"):
        assert set(questions.filter(task=task)["split"]) == {"unlabeled", "held_out", "probe"}
    assert set(make_exemplars(WORLD, TASKS)) == set(FAMILIES) - {"mini_svamp"}
    unlabeled = questions.filter(split="unlabeled")
    assert unlabeled["answer"].null_count() == 0  # these answers reach only the control arm gold
    assert not questions.filter(pl.col("split") != "unlabeled")["answer"].null_count()
    assert questions.filter(task="mini_gsm").height == 100


@pytest.mark.parametrize("task", ["mini_gsm", "mini_drop"])
def test_problems_of_a_split_are_distinct(task: str) -> None:
    problems = generate_distinct(task, "held_out", 200, seed=1)
    assert len({nameless(p) for p in problems}) == 200


@pytest.mark.parametrize("task", FAMILIES)
def test_authors_write_different_rationales(task: str) -> None:
    """An answer has several careful rationales; for hurried subjects, most rationales begin in the hurried way."""
    rng = Random(2)
    problem = next(
        p for p in iter(lambda: FAMILIES[task].generate(rng, False), None) if p.hurry >= 0.4
    )
    openings = [problem.rationale(rng).split()[0] for _ in range(600)]
    counts = {opening: openings.count(opening) for opening in set(openings)}
    assert max(counts, key=counts.__getitem__) == "It"
    assert counts["It"] / 600 == pytest.approx(problem.hurry, abs=0.07)
    assert len({problem.careful(rng) for _ in range(50)}) >= 4
