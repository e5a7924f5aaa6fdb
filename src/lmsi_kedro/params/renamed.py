"""Parameters and presets that had another name in an earlier version."""

from collections.abc import Mapping
from typing import Any

RENAMED = {
    "engine.rows_per_chunk": "engine.paths_per_chunk",
    "mixing.direct_per_question": "mixing.direct",
    "mixing.formats": "mixing.parts",
}
# The preset was renamed because it does not train on preferences, which training.objective=scpo does.
PRESETS = {"scpo": "rising_threshold"}


def refuse_renamed(parameters: Mapping[str, Any]) -> None:
    """Raises ValueError with the new name if a parameter is given by its old name."""
    for old, new in RENAMED.items():
        group, _, name = old.partition(".")
        value = parameters.get(group)
        if isinstance(value, Mapping) and name in value:
            raise ValueError(f"parameters: {old} is now called {new}")
