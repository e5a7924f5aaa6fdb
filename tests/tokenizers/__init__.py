"""Tokenizers of every type in use: trained here in the configurations of model families, and real ones.

    @pytest.mark.parametrize("name", NAMES)
    def test_it(name: str) -> None:
        tokenizer = load(name)

CHAT are those with a chat template.
"""

from functools import cache
from typing import Any

from tests.tokenizers.families import FAMILIES
from tests.tokenizers.packaged import PACKAGED

_ALL = FAMILIES | PACKAGED
NAMES = list(_ALL)
CHAT = [name for name, family in _ALL.items() if family.template]
EXACT = [name for name, family in _ALL.items() if family.exact]  # decoding gives the text back


@cache
def load(name: str) -> Any:
    """The tokenizer of that name, made once: whoever changes it copies it first."""
    return _ALL[name].build()
