"""Tokenizers of every type in use: trained here with the configurations of model families, and real ones.

    @pytest.mark.parametrize("name", NAMES)
    def test_it(name: str) -> None:
        tokenizer = load(name)

CHAT lists the tokenizers that have a chat template.
"""

from functools import cache
from typing import Any

from tests.tokenizers.families import FAMILIES
from tests.tokenizers.packaged import PACKAGED

_ALL = FAMILIES | PACKAGED
NAMES = list(_ALL)
CHAT = [name for name, family in _ALL.items() if family.template]
EXACT = [name for name, family in _ALL.items() if family.exact]  # decoding restores the text


@cache
def load(name: str) -> Any:
    """The tokenizer of that name, which is built once and shared: copy it before you change it."""
    return _ALL[name].build()
