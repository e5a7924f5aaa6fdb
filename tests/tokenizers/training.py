"""Builds each kind of tokenizer with the pipeline of a real model family and a small vocabulary trained here."""

import json
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, trainers
from tokenizers import pre_tokenizers as pre

from tests.tokenizers.corpus import corpus

VOCABULARY = 2048
LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_2 = LLAMA_3.replace(r"\p{N}{1,3}", r"\p{N}")
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_level(
    split: str | None = None, digits: bool = False, nfc: bool = False, spaces: int = 0
) -> Tokenizer:
    """BPE over bytes, with GPT-2's split expression unless one is given; up to `spaces` spaces are one token."""
    tokenizer = Tokenizer(models.BPE())
    steps: list[Any] = [pre.Digits(individual_digits=True)] if digits else []
    steps += [pre.Split(Regex(split), "isolated")] if split else []
    steps += [pre.ByteLevel(add_prefix_space=False, use_regex=split is None)]
    tokenizer.pre_tokenizer = pre.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    if nfc:
        tokenizer.normalizer = normalizers.NFC()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, initial_alphabet=pre.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in range(spaces, 1, -1)])
    return tokenizer


def llama_2_legacy() -> Tokenizer:
    """Llama 2's tokenizer with legacy=True, which puts a blank before every text between special tokens."""
    return sentencepiece_legacy(*_learn_pieces(["<unk>", "<s>", "</s>"]))


def sentencepiece_legacy(ids: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    """The pipeline of Llama 2 and Mistral 7B with any vocabulary."""
    tokenizer = _sentencepiece(ids, merges, strip=True)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    return tokenizer


def llama_2() -> Tokenizer:
    """Llama 2's tokenizer with legacy=False, which puts a blank before a text unless a special token begins it."""
    tokenizer = _sentencepiece(*_learn_pieces(["<unk>", "<s>", "</s>"]), strip=True)
    tokenizer.pre_tokenizer = pre.Metaspace(prepend_scheme="first", split=False)
    return tokenizer


def gemma() -> Tokenizer:
    """Gemma's tokenizer, which puts no blank before a text; newlines are tokens."""
    first = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    tokenizer = _sentencepiece(*_learn_pieces(first, newlines=True), strip=False)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre.Split(" ", "merged_with_previous")
    return tokenizer


def _sentencepiece(ids: dict[str, int], merges: list[tuple[str, str]], strip: bool) -> Tokenizer:
    """A BPE that encodes unknown characters as bytes; strip: remove the first blank of decoded texts."""
    model = models.BPE(ids, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)] if strip else steps)
    return tokenizer


def _learn_pieces(
    first: list[str], newlines: bool = False
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Ids of `first`, of 256 bytes and of the pieces of words; rare characters are encoded as bytes."""
    words = Tokenizer(models.BPE(unk_token="<unk>"))
    words.normalizer = normalizers.Replace(" ", "▁")
    words.pre_tokenizer = pre.Split(Regex(r"▁+[^▁\n\d]*|\n+|\d|[^▁\n\d]+"), "isolated")
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, limit_alphabet=120, special_tokens=["<unk>"], show_progress=False
    )
    lines = corpus() if newlines else [line for text in corpus() for line in text.splitlines()]
    words.train_from_iterator(lines, trainer)
    model = json.loads(words.to_str())["model"]
    learned = sorted(model["vocab"], key=model["vocab"].get)[1:]
    pieces = [*first, *(f"<0x{byte:02X}>" for byte in range(256)), *learned]
    return {piece: number for number, piece in enumerate(pieces)}, [
        (a, b) for a, b in model["merges"]
    ]


def unigram() -> Tokenizer:
    """T5's tokenizer: any white space, including newlines, becomes one blank."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre.Sequence([pre.WhitespaceSplit(), pre.Metaspace()])
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<pad>", "</s>", "<unk>"],
        unk_token="<unk>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


def word_piece() -> Tokenizer:
    """BERT's uncased tokenizer."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    named = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY, special_tokens=named, show_progress=False
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer
