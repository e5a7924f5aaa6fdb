"""Makes reading a path fail, as on a network disk that is temporarily unavailable."""

import builtins
import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def unreadable(monkeypatch: pytest.MonkeyPatch, broken: Path) -> None:
    """Make opening or listing the path raise OSError, although it exists."""

    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def read(path: Any = ".", *given: Any, **named: Any) -> Any:
            if not isinstance(path, int) and Path(os.fsdecode(path)) == broken:
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))
            return real(path, *given, **named)

        return read

    for module, name in ((builtins, "open"), (io, "open"), (os, "listdir"), (os, "scandir")):
        monkeypatch.setattr(module, name, failing(getattr(module, name)))
