"""A project's catalog and parameters as `kedro run` would have them, for commands that look before a run."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def configured(env: str, params: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Catalog and typed parameters of the project in the working directory; ValueError for a dataset's error."""
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project
    from kedro.io import DatasetError

    project = Path.cwd()
    bootstrap_project(project)
    with KedroSession.create(project, env=env, runtime_params=split(params)) as session:
        context: Any = session.load_context()  # type: ignore[attr-defined]
        logging.disable(logging.INFO)  # a command prints what it finds, not how
        try:
            yield context.catalog, context.params
        except DatasetError as error:
            raise ValueError(said_by(error)) from error
        finally:
            logging.disable(logging.NOTSET)


def said_by(error: BaseException) -> str:
    """The sentence of an error; Kedro wraps that of a dataset, some twice."""
    from kedro.io import DatasetError

    while isinstance(error, DatasetError) and error.__cause__:
        error = error.__cause__
    return str(error)


def split(params: str) -> dict[str, Any]:
    """a.b=1,c=2 as nested parameters, as `kedro run --params` reads them."""
    from omegaconf import OmegaConf

    pairs = [pair for pair in params.split(",") if pair]
    nested: dict[str, Any] = OmegaConf.to_container(OmegaConf.from_dotlist(pairs))  # type: ignore[assignment]
    return nested


def model_named(name: str, catalog: Any) -> Any:
    """A model of the run by its dataset, such as model_1, else a directory, a .gguf file or a name on the hub."""
    from lmsi_kedro.datasets.model_directory import ModelDirectory

    if not Path(name).exists() and isinstance(declared := catalog.get(name), ModelDirectory):
        return declared.load()
    return ModelDirectory(filepath=name, hub_name=name).load()


def add_configuration(command: Any) -> None:
    """The options that choose it, of argparse's subparser."""
    command.add_argument("--env", default="base", help="configuration, such as paper or gpu")
    command.add_argument("--params", default="", help="as for kedro run: rounds=2,model=...")
