"""Model families whose tokenizers are used in tests: special tokens, tokens around a text, chat template."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, processors

from tests.tokenizers import training

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Family:
    """How the tokenizer of a family is made."""

    backend: Callable[[], Tokenizer]
    named: dict[str, str]  # eos_token, bos_token, pad_token, ...
    others: tuple[str, ...] = ()  # further special tokens
    template: str | None = None  # the name of its chat template
    before: str | None = None  # the special token that `encode` puts before a text, if there is one
    after: str | None = None
    added: tuple[str, ...] = ()  # tokens that are not special but are one token each
    rstrip: bool = False  # special tokens absorb the white space after them
    exact: bool = True  # decoding restores the text

    def build(self) -> Any:
        from transformers import PreTrainedTokenizerFast

        tokenizer = self.backend()
        specials = dict.fromkeys([*self.named.values(), *self.others])
        tokenizer.add_special_tokens(
            [AddedToken(t, special=True, normalized=False, rstrip=self.rstrip) for t in specials]
        )
        tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in self.added])
        around = [token for token in (self.before, self.after) if token]
        if around:
            tokenizer.post_processor = processors.TemplateProcessing(
                single=[token for token in (self.before, "$A", self.after) if token],
                special_tokens=[(token, tokenizer.token_to_id(token)) for token in around],
            )
        template = self.template and (TEMPLATES / f"{self.template}.jinja").read_text()
        return PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            chat_template=template,
            clean_up_tokenization_spaces=False,
            **self.named,
        )


def named(eos: str, bos: str | None = None, pad: str | None = None, **more: str) -> dict[str, str]:
    """The special tokens by name, without those that are None."""
    given = {"eos_token": eos, "bos_token": bos, "pad_token": pad, **more}
    return {name: token for name, token in given.items() if token is not None}


GPT_2 = training.byte_level
PYTHIA = partial(training.byte_level, nfc=True, spaces=24)
SMOLLM = partial(training.byte_level, digits=True)
QWEN = partial(training.byte_level, training.QWEN_2, nfc=True)
LLAMA_3 = partial(training.byte_level, training.LLAMA_3)
O200K = partial(training.byte_level, training.O200K)
LLAMA_2, LLAMA_2_LEGACY, GEMMA = training.llama_2, training.llama_2_legacy, training.gemma

END = "<|endoftext|>"
IM_START, IM_END = TURNS = ("<|im_start|>", "<|im_end|>")
QWEN_BASE, QWEN_CHAT = named(END, None, END), named(IM_END, None, END)
BEGIN = "<|begin_of_text|>"
HEADERS = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|end_of_text|>")
LLAMA_3_BASE, LLAMA_3_CHAT = named("<|end_of_text|>", BEGIN), named("<|eot_id|>", BEGIN)
DEEPSEEK_BOS, DEEPSEEK_EOS = (
    f"<\N{FULLWIDTH VERTICAL LINE}{name}▁of▁sentence\N{FULLWIDTH VERTICAL LINE}>"
    for name in ("begin", "end")
)
DEEPSEEK = named(DEEPSEEK_EOS, DEEPSEEK_BOS, DEEPSEEK_EOS)
DEEPSEEK_TURNS = tuple(
    f"<\N{FULLWIDTH VERTICAL LINE}{name}\N{FULLWIDTH VERTICAL LINE}>"
    for name in ("User", "Assistant")
)
THOUGHT = ("<think>", "</think>")
HARMONY = ("<|start|>", "<|message|>", "<|channel|>", "<|end|>")
S = named("</s>", "<s>", unk_token="<unk>")
PHI_3_TURNS = ("</s>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>")
GEMMA_NAMED = named("<eos>", "<bos>", "<pad>", unk_token="<unk>")
GEMMA_TURNS = ("<start_of_turn>", "<end_of_turn>")
T5 = named("</s>", None, "<pad>", unk_token="<unk>")
BERT = named("[SEP]", "[CLS]", "[PAD]", unk_token="[UNK]", mask_token="[MASK]")

FAMILIES = {
    "gpt2": Family(GPT_2, named(END, END)),
    "opt": Family(GPT_2, named("</s>", "</s>", "<pad>"), before="</s>"),
    "pythia": Family(PYTHIA, named(END, END, "<|padding|>")),
    "smollm2": Family(SMOLLM, named(IM_END, IM_START, IM_END), (END, "<repo_name>"), "smollm2"),
    "qwen2_base": Family(QWEN, QWEN_BASE, TURNS, "qwen2"),
    "qwen2": Family(QWEN, QWEN_CHAT, TURNS, "qwen2"),
    "qwen3": Family(QWEN, QWEN_CHAT, TURNS, "qwen3", added=THOUGHT),
    "llama3_base": Family(LLAMA_3, LLAMA_3_BASE, HEADERS, None, BEGIN),
    "llama3": Family(LLAMA_3, LLAMA_3_CHAT, HEADERS, "llama3", BEGIN),
    # In the first release of Llama 3, turns do not end with the tokenizer's eos_token.
    "llama3_first": Family(LLAMA_3, LLAMA_3_BASE, HEADERS, "llama3", BEGIN),
    "llama3_date": Family(LLAMA_3, LLAMA_3_CHAT, HEADERS, "llama3_date", BEGIN),
    "deepseek_r1": Family(
        LLAMA_3, DEEPSEEK, DEEPSEEK_TURNS, "deepseek_r1", DEEPSEEK_BOS, added=THOUGHT
    ),
    "phi4": Family(LLAMA_3, named(IM_END, END, "<|dummy_85|>"), (*TURNS, "<|im_sep|>"), "phi4"),
    "gpt_oss": Family(O200K, named("<|return|>", "<|startoftext|>", END), HARMONY, "harmony"),
    "llama2_base": Family(LLAMA_2, S, before="<s>"),
    "llama2_legacy_base": Family(LLAMA_2_LEGACY, S, before="<s>"),
    "llama2_legacy": Family(LLAMA_2_LEGACY, S, (), "llama2", "<s>"),
    "mistral": Family(LLAMA_2_LEGACY, S, (), "mistral", "<s>"),
    "phi3": Family(LLAMA_2_LEGACY, named(END, "<s>", END), PHI_3_TURNS, "phi3", rstrip=True),
    "gemma_base": Family(GEMMA, GEMMA_NAMED, GEMMA_TURNS, None, "<bos>"),
    "gemma2": Family(GEMMA, GEMMA_NAMED, GEMMA_TURNS, "gemma2", "<bos>"),
    "gemma3": Family(GEMMA, GEMMA_NAMED, GEMMA_TURNS, "gemma3", "<bos>"),
    "t5": Family(training.unigram, T5, after="</s>", exact=False),
    "bert": Family(training.word_piece, BERT, before="[CLS]", after="[SEP]", exact=False),
}
