"""The world must be right about its own answers, and its splits must never meet."""

import re
from itertools import islice
from random import Random

import polars as pl
import pytest

from lmsi_kedro.mini_world import FAMILIES
from lmsi_kedro.mini_world.documents import documents
from lmsi_kedro.mini_world.problems import SPLITS, draw_problem
from lmsi_kedro.params import WorldParams
from lmsi_kedro.pipelines.mini_world.nodes import draw_distinct, make_exemplars, make_questions
from lmsi_kedro.tasks.prompts import Asked, ask
from tests.fabricate import TASKS

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
def test_every_author_is_right(task: str) -> None:
    """Every equation holds, and the last one (or the best choice) is the answer."""
    rng = Random(1)
    for _ in range(300):
        problem = FAMILIES[task].draw(rng, True)
        careful = problem.careful(rng)
        for rationale in (careful, problem.hurried):
            for left, right in EQUATION.findall(rationale):
                assert value(left) == int(right), rationale
        if problem.choices:
            assert careful.endswith(" yes.")
            assert careful.count("yes") == 1
            numbers = [re.findall(r"\d+", choice) for choice in problem.choices]
            products = [int(a) * int(b) for a, b in numbers]
            wanted = int(re.findall(r"\d+", problem.question)[0])
            assert products.count(wanted) == 1
            assert problem.answer == f"({'ABCD'[products.index(wanted)]})"
        else:
            assert EQUATION.findall(careful)[-1][1] == problem.answer
            assert EQUATION.findall(problem.hurried)[-1][1] == problem.answer


def test_splits_are_disjoint_whatever_the_seed() -> None:
    """No template with the same slot values is in two splits, over several seeds."""
    seen: dict[tuple[str, tuple[int, ...]], str] = {}
    for task, family in FAMILIES.items():
        for split in SPLITS:
            for seed in range(3):
                rng = Random(f"{task} {split} {seed}")
                for _ in range(100):
                    problem = draw_problem(family, split, rng)
                    assert seen.setdefault((problem.template, problem.slots), split) == split
    assert sum(SPLITS.values()) == 100


def test_documents_hold_no_evaluated_question() -> None:
    """Nor an unlabeled one: by text, as a model would see it."""
    questions = make_questions(WORLD, TASKS)
    columns = questions.select("question", "context", "choices")
    asked = {ask(Asked(*row)) for row in columns.iter_rows()}
    for document in islice(documents(9), 3000):
        for question in re.findall(r"Q: .*\n(?:Answer Choices: .*\n)?A:", document):
            assert question not in asked


def test_documents_and_questions_are_reproducible() -> None:
    assert list(islice(documents(3), 50)) == list(islice(documents(3), 50))
    assert list(islice(documents(3), 50)) != list(islice(documents(4), 50))
    assert make_questions(WORLD, TASKS).equals(make_questions(WORLD, TASKS))


def test_out_of_domain_questions_are_only_evaluated() -> None:
    """mini_svamp has no unlabeled questions, no exemplars, and every question an answer."""
    questions = make_questions(WORLD, TASKS)
    assert set(questions.filter(task="mini_svamp")["split"]) == {"held_out", "probe"}
    assert "mini_svamp" not in make_exemplars(WORLD, TASKS)
    unlabeled = questions.filter(split="unlabeled")
    assert unlabeled["answer"].null_count() == 0  # they reach the control arm gold alone
    assert not questions.filter(pl.col("split") != "unlabeled")["answer"].null_count()
    assert questions.filter(task="mini_gsm").height == 100


def test_problems_of_a_split_are_distinct() -> None:
    problems = draw_distinct("mini_gsm", "held_out", 200, seed=1)
    assert len({(p.template, p.slots) for p in problems}) == 200


def test_authors_differ() -> None:
    """Several careful ways to one answer; the hurried way is the most frequent single opening."""
    rng = Random(2)
    problem = next(
        p for p in iter(lambda: FAMILIES["mini_gsm"].draw(rng, False), None) if p.hurry == 0.5
    )
    openings = [problem.rationale(rng).split()[0] for _ in range(600)]
    counts = {opening: openings.count(opening) for opening in set(openings)}
    assert max(counts, key=counts.__getitem__) == "It"
    assert counts["It"] / 600 == pytest.approx(0.5, abs=0.07)
    assert len({problem.careful(rng) for _ in range(50)}) >= 4
