"""The kernels. Each is imported on first use: Kedro imports every pipeline at start-up, and importing numpy alone
takes 0.06 s.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .answers import canonical_keys as canonical_keys
    from .answers import read_answers as read_answers
    from .sampling import LogitsError as LogitsError
    from .sampling import sample_tokens as sample_tokens
    from .votes import count_votes as count_votes

HOMES = {
    "canonical_keys": "answers",
    "read_answers": "answers",
    "LogitsError": "sampling",
    "sample_tokens": "sampling",
    "count_votes": "votes",
}


def __getattr__(name: str) -> Any:
    """Imports a kernel from its package."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
