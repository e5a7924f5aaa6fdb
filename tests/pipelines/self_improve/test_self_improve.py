"""The graph of the loop: the ancestors of training, and the models that each round uses."""

import inspect
import re
from pathlib import Path

from kedro.pipeline import Node

from lmsi_kedro.pipelines.self_improve.pipeline import (
    create_candidate,
    create_pipeline,
    create_round,
)
from tests.graphs import ARMS, ancestors

SOURCE = Path(__file__).parents[3] / "src" / "lmsi_kedro"
REPORTED = {"measure_sharing", "describe_votes"}


def test_docstrings_list_the_nodes_of_a_round() -> None:
    """The tables have all nodes in order, with their outputs and the files of their functions of the same name."""
    nodes = create_candidate(1, "base_model", "candidate_1").nodes
    check_table(create_candidate.__doc__, nodes)
    made = {node.name for node in nodes}
    monitor = [node for node in create_round(1).nodes if node.name not in made]
    check_table(create_round.__doc__, monitor)


def check_table(docstring: str | None, nodes: list[Node]) -> None:
    rows = re.findall(
        r"^ +(\w+) {2,}(\S.+?) +-> (.+?(?:,\n +.+?)*)$", docstring or "", re.MULTILINE
    )
    names = [short(node.name) for node in nodes]
    reported = [name for name in names if name in REPORTED]
    assert [row[0] for row in rows] == [name for name in names if name not in REPORTED] + reported
    by_name = dict(zip(names, nodes, strict=True))
    for name, files, made in rows:
        assert file_of(by_name[name]) in files, name
        assert by_name[name].func.__name__ == name.replace("sample_monitor", "sample"), name
        assert re.split(r",\s+", made) == [short(output) for output in by_name[name].outputs], name


def short(name: str) -> str:
    """The name without its namespace; k stands for the number of the round."""
    return re.sub("_1$", "_k", name.split(".")[-1])


def file_of(node: Node) -> str:
    source = inspect.getsourcefile(inspect.unwrap(node.func))
    return Path(source or "").relative_to(SOURCE).as_posix()


def test_labels_never_reach_training() -> None:
    """Only metrics depend on labels; only the arm gold depends on labels of unlabeled questions."""
    pipeline = create_pipeline(rounds=3, arms=ARMS, equal_compute=True)
    training = [node for node in pipeline.nodes if node.name.endswith("fine_tune")]
    assert len(training) == 3 + len(ARMS)
    for node in training:
        gold = node.name == "round_1.gold.fine_tune"
        for dataset in node.inputs:
            if not dataset.startswith("params:"):
                assert "labels" not in ancestors(pipeline, dataset), dataset
                seen = "gold_labels" in ancestors(pipeline, dataset)
                assert seen is (gold and dataset == "round_1.gold.mixture"), dataset
    assert {"labels", "gold_labels"} <= ancestors(pipeline, "metrics")
    assert "gold_labels" not in create_pipeline(rounds=3).to_outputs("metrics").datasets()


def test_evaluation_never_stops_early() -> None:
    """Only the paths of the rounds are stopped early; evaluation and monitor sample all of their paths."""
    pipeline = create_pipeline(rounds=2)
    drawn = [
        node for node in pipeline.nodes if "params:engine" in node.inputs and "paths" in node.name
    ]
    plans = {node.outputs[0] for node in drawn if node.func.__name__ == "plan_paths"}
    early = {name.removesuffix("_sampling_plan") for name in plans}
    assert early == {"round_1.paths", "round_2.paths"}
    assert len(drawn) > len(early)
    for node in pipeline.nodes:
        if node.func.__name__ in ("decide_answers", "measure_curves", "examine_paths"):
            source = next(n for n in pipeline.nodes if node.inputs[0] in n.outputs)
            assert not early & set(source.inputs), node.name


def test_rounds_sample_last_model_and_train_base_model() -> None:
    pipeline = create_pipeline(rounds=2)
    nodes = {node.name: set(node.inputs) for node in pipeline.nodes}
    assert "model_1" in nodes["round_2.plan_paths"]
    assert "examples_2" in nodes["round_2.balance_examples"]
    assert {"base_model", "round_2.mixture"} <= nodes["round_2.fine_tune"]
    assert "examples_random" in nodes["round_1.random.balance_examples"]
    assert {"base_model", "round_1.random.mixture"} <= nodes["round_1.random.fine_tune"]


def test_examples_store_the_number_of_their_round() -> None:
    pipeline = create_pipeline(rounds=2, arms=ARMS)
    rendering = [node for node in pipeline.nodes if node.name.endswith("render_examples")]
    assert len(rendering) == 2 + 3  # the arms with formats choose among the examples of the vote
    for node in rendering:
        number = 2 if node.name.startswith("round_2.") else 1
        assert getattr(node.func, "keywords")["round_number"] == number  # noqa: B009


def test_preferences_replace_the_mixture_of_every_round() -> None:
    """Each round trains on pairs of all rounds so far; control arms have no pairs, and no pair uses labels."""
    pipeline = create_pipeline(rounds=2, arms=ARMS, objective="scpo")
    nodes = {node.name: set(node.inputs) for node in pipeline.nodes}
    for number in (1, 2):
        assert f"round_{number}.preferences" in nodes[f"round_{number}.fine_tune"]
        pairs = {f"pairs_{before}" for before in range(1, number + 1)}
        assert pairs == {n for n in nodes[f"round_{number}.oppose_examples"] if "pairs" in n}
        assert "labels" not in ancestors(pipeline, f"round_{number}.preferences")
    for arm in ARMS:
        assert f"round_1.{arm}.mixture" in nodes[f"round_1.{arm}.fine_tune"]
    assert not {n for n in create_pipeline(rounds=2).datasets() if "pairs" in n}
