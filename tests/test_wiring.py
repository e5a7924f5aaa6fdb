"""Steps in a namespace keep the dataset names that a whole run shares."""

import inspect

from kedro.pipeline import Node, Pipeline

from lmsi_kedro.wiring import fixed, namespaced


def test_only_private_names_get_the_namespace() -> None:
    steps = Pipeline(
        [
            Node(min, ["questions", "params:voting"], "answers", name="vote"),
            Node(max, ["answers", "model"], "tuned", name="tune"),
        ]
    )
    made = namespaced(steps, "round_2", {"questions"}, {"model": "model_1", "tuned": "model_2"})
    assert {node.name: (node.inputs, node.outputs) for node in made.nodes} == {
        "round_2.vote": (["questions", "params:voting"], ["round_2.answers"]),
        "round_2.tune": (["round_2.answers", "model_1"], ["model_2"]),
    }


def test_fixed_arguments_leave_the_others_to_the_node() -> None:
    def join(*parts: str, end: str) -> str:
        """Doc."""
        return "".join(parts) + end

    node = fixed(join, end="!")
    assert node("a", "b") == "ab!"
    assert (node.__name__, node.__doc__) == ("join", "Doc.")
    assert list(inspect.signature(node).parameters) == ["parts"]
