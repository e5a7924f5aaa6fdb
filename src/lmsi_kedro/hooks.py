"""The graph is fixed before parameters are read; this hook reads those that shape it, and checks the names."""

from typing import Any, ClassVar, get_args

from kedro.framework.hooks import hook_impl

from lmsi_kedro.params import CONTROL_ARMS, Arm, Guard, HeadroomParams
from lmsi_kedro.tasks.benchmarks import BENCHMARKS

PARAMETERS = {
    "data_root",
    "rounds",
    "guard",
    "questions",
    "exemplars",
    "model",
    "student",
    "tasks",
    "public_tasks",
    "preparation",
    "question_generation",
    "exemplar_generation",
    "paths",
    "prompts",
    "engine",
    "voting",
    "mixing",
    "training",
    "training_workspace",
    "evaluation",
    "monitor",
    "headroom",
    "controls",
    "reproduction",
    "reproduction_evaluation",
    "pretraining",
    "pretraining_small",
    "pretraining_workspace",
    "world",
}


class ShapeHook:
    """`--params=rounds=3` gives three rounds. An unknown parameter stops the run with its name."""

    rounds = 1
    guard: Guard = "none"
    headroom: HeadroomParams | None = None
    arms: ClassVar[list[Arm]] = ["random"]
    reproduction: ClassVar[dict[str, Any]] = {"seeds": [7001], "temperatures": [0.7]}
    benchmarks: ClassVar[list[str]] = list(BENCHMARKS)

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        parameters = context.config_loader["parameters"]
        unknown = sorted(set(parameters) - PARAMETERS)
        if unknown:
            known = ", ".join(sorted(PARAMETERS))
            raise ValueError(f"parameters: unknown {', '.join(unknown)}; known are {known}")
        rounds, guard = parameters["rounds"], parameters["guard"]
        if not isinstance(rounds, int) or rounds < 1:
            raise ValueError(
                f"parameters: rounds must be a whole number of at least 1, not {rounds!r}"
            )
        if guard not in get_args(Guard):
            raise ValueError(f"parameters: guard must be none or probe, not {guard!r}")
        arms = parameters["controls"]["arms"]
        if unknown := sorted(set(arms) - set(CONTROL_ARMS)):
            raise ValueError(
                f"parameters: controls.arms has {', '.join(unknown)}; known are {', '.join(sorted(CONTROL_ARMS))}"
            )
        benchmarks = parameters["public_tasks"]["names"]
        if unknown := sorted(set(benchmarks) - set(BENCHMARKS)):
            raise ValueError(
                f"parameters: public_tasks.names has {', '.join(unknown)}; known are {', '.join(BENCHMARKS)}"
            )
        headroom = HeadroomParams.model_validate(parameters["headroom"])
        if headroom.stop and not headroom.probe:
            raise ValueError(
                "parameters: headroom.stop needs headroom.probe=true: without labels nothing tells whether"
                " the vote knows more than the greedy path"
            )
        ShapeHook.rounds, ShapeHook.guard = rounds, guard
        ShapeHook.headroom = headroom
        ShapeHook.reproduction = {
            name: parameters["reproduction"][name] for name in ShapeHook.reproduction
        }
        ShapeHook.arms, ShapeHook.benchmarks = arms, benchmarks
