"""Loads a project's catalog and parameters for the `lmsi` commands, in the same way as `kedro run`."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MODELS = ("base_model", "warm_model", "model_1", "model_2", "model_random")


@contextlib.contextmanager
def configured(env: str, params: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yields the catalog and typed parameters of the project in the working directory."""
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project
    from kedro.utils import is_kedro_project

    project = Path.cwd()
    if not is_kedro_project(project):
        raise ValueError(
            f"{project} is not a project: run this in the folder with pyproject.toml and conf"
        )
    bootstrap_project(project)
    with KedroSession.create(project, env=env, runtime_params=split(params)) as session:
        context: Any = session.load_context()  # type: ignore[attr-defined]
        logging.disable(logging.INFO)  # a command prints only its result
        try:
            yield context.catalog, context.params
        finally:
            logging.disable(logging.NOTSET)


def registered(names: str) -> Any:
    """Returns the pipelines with these names, separated by commas, combined into one."""
    from kedro.framework.project import pipelines
    from kedro.pipeline import Pipeline

    from lmsi_kedro.params.mistakes import unknown

    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in pipelines:
            raise ValueError(unknown("--pipelines", name, set(pipelines) - {"__default__"}))
    return sum((pipelines[name] for name in wanted), Pipeline([]))


def data_root(params: str) -> Path:
    """Returns the folder to which a run with these parameters writes."""
    return Path(split(params).get("data_root", "data"))


def split(params: str) -> dict[str, Any]:
    """Converts a.b=1,c=2 to nested parameters, in the same way as `kedro run --params`."""
    from omegaconf import OmegaConf

    pairs = [pair.strip() for pair in params.split(",") if pair.strip()]
    if wrong := [pair for pair in pairs if not pair.partition("=")[0] or "=" not in pair]:
        raise ValueError(f"--params: {wrong[0]!r} is not of the form name=value")
    nested: dict[str, Any] = OmegaConf.to_container(OmegaConf.from_dotlist(pairs))  # type: ignore[assignment]
    return nested


def model_named(name: str, catalog: Any) -> Any:
    """Loads a model by name: a dataset of the run such as model_1, a directory, a .gguf file or hub:owner/name."""
    from lmsi_kedro.datasets.model_directory import ModelDirectory
    from lmsi_kedro.params.mistakes import nearest, unknown

    if not Path(name).exists() and isinstance(declared := catalog.get(name), ModelDirectory):
        return declared.load()
    if not Path(name).exists() and nearest(name, MODELS):
        raise ValueError(unknown("models of the run", name, MODELS))
    return ModelDirectory(filepath=name, hub_name=name).load()


def add_configuration(command: Any) -> None:
    """Adds the options --env and --params to a subparser."""
    command.add_argument("--env", default="base", help="configuration, such as paper or gpu")
    add_parameters(command)


def add_parameters(command: Any) -> None:
    """Adds the option --params with parameters of the run, such as data_root."""
    command.add_argument(
        "--params", default="", help="parameters, as for kedro run: data_root=/elsewhere,rounds=2"
    )
