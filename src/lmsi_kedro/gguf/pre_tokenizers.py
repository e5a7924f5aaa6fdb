"""Finds which of llama.cpp's split expressions a byte-level tokenizer uses, by encoding texts with each of them.

llama.cpp contains these expressions under names and does not read any from a file. If a tokenizer uses another
expression, llama.cpp gives different tokens. The expressions are copied from its src/llama-vocab.cpp.
"""

import json
from collections.abc import Sequence
from typing import Any

WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
MARKS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPLITS = {
    "gpt-2": [WORDS],
    "smollm": [r"\p{N}", WORDS],
    "llama-bpe": [MARKS % r"\p{N}{1,3}"],
    "qwen2": [MARKS % r"\p{N}"],
}
# Texts that the expressions split differently: digits, contractions, capitals, spaces, line ends, punctuation.
PROBES = (
    "There are 12 and 3.456,789 things; 1/2 of 2026 costs $70,000.",
    "I'LL say it's Tom's, they've O'Neil's and don't.",
    "Q: one\nA: two\n\nQ:  three\n \n\tfour  ",
    "x**2+y_1!=z... (a)(b)\r\n\r\n--- ÄÖü straße 中文 русский",
)


def closest(tokenizer: Any, texts: Sequence[str]) -> tuple[str, int]:
    """The name of the closest expression, and the number of texts that it encodes differently from the tokenizer.

    ValueError for a tokenizer that is not byte-level BPE.
    """
    inner = json.loads(tokenizer.backend_tokenizer.to_str())
    if inner["model"]["type"] != "BPE" or "ByteLevel" not in json.dumps(inner["pre_tokenizer"]):
        raise ValueError(
            "the tokenizer is not byte-level BPE: use llama.cpp's convert_hf_to_gguf.py for this model"
        )
    wanted = {text: encoded(tokenizer.backend_tokenizer, text) for text in (*PROBES, *texts)}
    differing = {}
    for name, expressions in SPLITS.items():
        other = with_split(inner, expressions)
        differing[name] = [text for text, ids in wanted.items() if encoded(other, text) != ids]
    best = min(differing, key=lambda name: len(differing[name]))
    return best, sum(text in differing[best] for text in texts)


def with_split(inner: dict[str, Any], expressions: Sequence[str]) -> Any:
    """A copy of the tokenizer that applies these split expressions, one after the other, instead of its own."""
    from tokenizers import Regex, Tokenizer, pre_tokenizers

    other = Tokenizer.from_str(json.dumps(inner))
    splits = [pre_tokenizers.Split(Regex(each), "isolated") for each in expressions]
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    other.pre_tokenizer = pre_tokenizers.Sequence([*splits, level])
    return other


def encoded(tokenizer: Any, text: str) -> list[int]:
    """The ids of a text without the tokens added around it."""
    return list(tokenizer.encode(text, add_special_tokens=False).ids)
