"""Puts steps under a namespace. Knows no step."""

from kedro.pipeline import Pipeline


def namespaced(
    steps: Pipeline, namespace: str, shared: set[str], renamed: dict[str, str]
) -> Pipeline:
    """The steps under a namespace; shared names and parameters keep theirs, renamed ones leave it."""
    used = steps.inputs() | steps.all_outputs()
    kept = {name for name in used if name in shared or name.startswith("params:")}
    names = {name: renamed.get(name, name) for name in used if name in kept or name in renamed}
    given = {name: new for name, new in names.items() if name in steps.inputs()}
    return Pipeline(
        steps,
        namespace=namespace,
        inputs={name: new for name, new in given.items() if not name.startswith("params:")},
        outputs={name: new for name, new in names.items() if name in steps.all_outputs()},
        parameters={name: new for name, new in given.items() if name.startswith("params:")},
    )
