"""Puts steps under a namespace. Knows no step."""

from kedro.pipeline import Pipeline


def namespaced(
    steps: Pipeline, namespace: str, shared: set[str], renamed: dict[str, str]
) -> Pipeline:
    """The steps under a namespace; shared names and parameters keep theirs, renamed ones leave it."""
    used = steps.inputs() | steps.all_outputs()
    names = {name: renamed.get(name, name) for name in used if name in shared or name in renamed}
    return Pipeline(
        steps,
        namespace=namespace,
        inputs={name: new for name, new in names.items() if name in steps.inputs()},
        outputs={name: new for name, new in names.items() if name in steps.all_outputs()},
        parameters={name for name in steps.inputs() if name.startswith("params:")},
    )
