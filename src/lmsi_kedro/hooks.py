"""The graph is fixed before parameters are read; this hook reads the one that shapes it, and checks the names."""

from typing import Any

from kedro.framework.hooks import hook_impl

PARAMETERS = {
    "data_root",
    "rounds",
    "tasks",
    "paths",
    "engine",
    "voting",
    "mixing",
    "training",
    "training_workspace",
    "evaluation",
    "pretraining",
    "pretraining_workspace",
    "world",
}


class RoundsHook:
    """`--params=rounds=3` gives three rounds. An unknown parameter stops the run with its name."""

    rounds = 1

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        parameters = context.config_loader["parameters"]
        unknown = sorted(set(parameters) - PARAMETERS)
        if unknown:
            known = ", ".join(sorted(PARAMETERS))
            raise ValueError(f"parameters: unknown {', '.join(unknown)}; known are {known}")
        rounds = parameters["rounds"]
        if not isinstance(rounds, int) or rounds < 1:
            raise ValueError(
                f"parameters: rounds must be a whole number of at least 1, not {rounds!r}"
            )
        RoundsHook.rounds = rounds
