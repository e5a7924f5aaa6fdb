"""Opens the project in a Kedro session, for tests of the catalog and the parameters."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.session import KedroSession

ROOT = Path(__file__).parents[1]


@contextmanager
def project_context(env: str | None = None, **given: Any) -> Iterator[KedroContext]:
    """The context of a session with these parameters; call bootstrap_project first."""
    with KedroSession.create(ROOT, env=env, runtime_params=given) as session:
        assert isinstance(session, KedroSession)
        yield session.load_context()
