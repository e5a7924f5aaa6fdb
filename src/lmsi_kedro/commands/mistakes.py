"""Turns an error into one line that says what is wrong, where, and what to do."""

from pathlib import Path
from typing import Any

from lmsi_kedro.params.mistakes import typed, unknown
from lmsi_kedro.params.renamed import PRESETS
from lmsi_kedro.printable import printable

RUNNERS = ("SequentialRunner", "ParallelRunner", "ThreadRunner")
LISTS = " A list with commas belongs in a file: parameters.yml in conf/base or in the folder of your --env."
LONGEST = 1500  # characters in a line


def one_line(error: BaseException) -> str:
    """Returns `lmsi: ` and the message of the error, without its line breaks and control characters."""
    text = " ".join(printable(sentence(error)).split())
    return "lmsi: " + (text if len(text) <= LONGEST else f"{text[:LONGEST]} ...")


def sentence(error: BaseException) -> str:
    """Returns the message of an error, without what Kedro adds to it."""
    from click import ClickException
    from kedro.config import MissingConfigException
    from kedro.validation.exceptions import ParameterValidationError
    from omegaconf.errors import OmegaConfBaseException

    error = unwrapped(error)
    if isinstance(error, ClickException):
        message = error.format_message()
        return message + (LISTS if "]` must contain" in message else "")
    if isinstance(error, MissingConfigException):
        return wrong_folder(Path(str(error).rpartition(": ")[2])) or str(error)
    if isinstance(error, ParameterValidationError):
        return wrong_parameters() or str(error)
    if isinstance(error, OmegaConfBaseException):
        return str(error).partition("object_type=")[0]
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error) if is_mistake(error) else f"{type(error).__name__}: {error}"


def unwrapped(error: BaseException) -> BaseException:
    """Returns the original error of a dataset, which Kedro wraps twice."""
    from kedro.io import DatasetError

    while isinstance(error, DatasetError) and error.__cause__ and raised_in(error) == "kedro.io":
        error = error.__cause__
    return error


def raised_in(error: BaseException) -> str:
    """Returns the package whose code raised an error, such as lmsi_kedro or kedro.io."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    module = step.tb_frame.f_globals["__name__"] if step else ""
    return ".".join(module.split(".")[: 2 if module.startswith("kedro.") else 1])


def is_mistake(error: BaseException) -> bool:
    """Returns whether the message of the error is written for the user, because it is not a bug in the program."""
    from kedro.io import DatasetError

    from lmsi_kedro.durable import LockedError
    from lmsi_kedro.engines.server.faults import ServerError
    from lmsi_kedro.stopped import StoppedError
    from lmsi_kedro.training.job import TrainingError

    named = (DatasetError, LockedError, ServerError, StoppedError, TrainingError)
    return isinstance(error, (OSError, ValueError, *named))


def wrong_folder(folder: Path) -> str | None:
    """Returns the message for an environment that has no folder in conf, or has been renamed."""
    if folder.name in PRESETS:
        return f"--env: {folder.name} is now called {PRESETS[folder.name]}"
    there = [each.name for each in folder.parent.glob("*/") if each.name != "exemplars"]
    return unknown("--env", folder.name, there) if there else None


def wrong_parameters() -> str | None:
    """Returns the message for the first group of parameters that does not match the type declared by its node."""
    from kedro.framework.project import pipelines
    from kedro.validation.type_extractor import TypeExtractor

    from lmsi_kedro.hooks import ShapeHook

    for name, model in TypeExtractor(dict(pipelines)).extract_types_from_pipelines().items():
        try:
            typed(name, model, ShapeHook.parameters.get(name))
        except ValueError as error:
            return str(error)
    return None


def wrong_option(options: dict[str, Any]) -> str | None:
    """Returns the message for an option of `kedro run` with an unknown runner, pipeline, node, tag or dataset."""
    from kedro.framework.project import pipelines
    from kedro.pipeline import Pipeline

    if "pipelines" not in options:
        return None
    if options["runner"] and options["runner"] not in RUNNERS and "." not in options["runner"]:
        return unknown("--runner", options["runner"], RUNNERS)
    pipelines.set_requested(None)
    names = [*options["pipelines"], *filter(None, [options["pipeline"]])]
    for name in names:
        if name not in pipelines:
            return unknown("--pipelines", name, set(pipelines) - {"__default__"})
    chosen = sum((pipelines[name] for name in names or ["__default__"]), Pipeline([]))
    nodes = {node.name for node in chosen.nodes}
    checks = {
        "--nodes": (options["node_names"], nodes),
        "--from-nodes": (options["from_nodes"], nodes),
        "--to-nodes": (options["to_nodes"], nodes),
        "--tags": (options["tags"], {tag for node in chosen.nodes for tag in node.tags}),
        "--namespaces": (options["namespaces"], namespaces_of(chosen)),
        "--from-inputs": (options["from_inputs"], chosen.datasets()),
        "--to-outputs": (options["to_outputs"], chosen.datasets()),
    }
    for option, (wanted, there) in checks.items():
        for name in wanted:
            if name not in there:
                return unknown(option, name, there)
    used = [f"{option}={','.join(wanted)}" for option, (wanted, _) in checks.items() if wanted]
    return f"no node matches {' and '.join(used)}" if used else None


def namespaces_of(pipeline: Any) -> set[str]:
    """Returns all namespaces of a pipeline; round_1.random implies round_1."""
    spaces = [node.namespace.split(".") for node in pipeline.nodes if node.namespace]
    return {".".join(parts[: end + 1]) for parts in spaces for end in range(len(parts))}
