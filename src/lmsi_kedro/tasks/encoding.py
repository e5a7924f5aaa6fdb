"""From prompts and answers to token ids, the same for sampling and for training. Knows nothing of models.

The ids of a prompt are the tokenizer's own ids of its whole text, template included. Encoded in parts it would
have others: GPT-2's split expression takes "\\n\\nQ" apart but keeps "\\n\\n", and SentencePiece puts a blank
before each part. Sampling continues these ids, and the ids of an example begin with them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lmsi_kedro.tasks.chat import Chat, Frame, frame_of

Row = TypeVar("Row", list[int], str)
BATCH = 512  # texts encoded at once: with the offsets of all tokens, 20,000 long prompts would take 2 GB


@dataclass(frozen=True)
class Encoded:
    """Token ids of prompt, target and end token; the loss covers what follows the prompt."""

    ids: list[int]
    prompt_tokens: int

    @property
    def target_tokens(self) -> int:
        return len(self.ids) - self.prompt_tokens


def beginning(rows: Sequence[Row]) -> int:
    """How many ids or characters all rows begin with: as many as the first and the last of them in order."""
    first, last = min(rows), max(rows)
    pairs = enumerate(zip(first, last, strict=False))
    return next((place for place, (one, other) in pairs if one != other), len(first))


def alike(prompts: Sequence[list[int]]) -> int:
    """How many ids all prompts begin with, of which each keeps one or more for itself."""
    return min(beginning(prompts), min(map(len, prompts)) - 1)


class Encoder:
    """A model's tokenizer, and the frame that its template puts around a prompt."""

    def __init__(self, tokenizer: Any, chat: Chat = "auto") -> None:
        self.tokenizer = tokenizer
        self.frame: Frame = frame_of(tokenizer, chat)
        alone, whole = self.ids(["a"])[0], tokenizer.encode("a")
        starts = (n for n in range(len(whole)) if whole[n : n + len(alone)] == alone)
        # What the tokenizer puts before a text by default, BOS most often; what it puts behind one ends it.
        self.opening: list[int] = whole[: next(starts, 0)]

    @classmethod
    def of(cls, model: Path, chat: Chat, trust_remote_code: bool) -> "Encoder":
        """Of a model directory; its weights are not read."""
        from transformers import AutoTokenizer

        return cls(AutoTokenizer.from_pretrained(model, trust_remote_code=trust_remote_code), chat)

    def prompts(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids that a model continues."""
        framed = [self.frame.before + text + self.frame.after for text in texts]
        return [self.opened(ids) for ids in self.ids(framed)]

    def examples(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Encoded]:
        """Training pairs: the ids of each prompt as it is sampled from, then those of its target and its end.

        A target's ids are what the whole answered text adds. Where a tokenizer joins the end of a prompt with the
        beginning of its target, the prompt keeps its ids, since these are what sampling continues; the target then
        has the ids behind the prompt's text, or if no token begins there, those of its own text.
        """
        answers = [self.answer(target) for target in targets]
        framed = [
            self.frame.before + prompt + self.frame.after + answer
            for prompt, answer in zip(prompts, answers, strict=True)
        ]
        different = list(dict.fromkeys(prompts))  # a question's paths have one
        encoded = dict(zip(different, self.prompts(different), strict=True))
        heads, wholes = [encoded[prompt] for prompt in prompts], map(self.opened, self.ids(framed))
        closing = [] if self.frame.end else [self.end]
        return [
            Encoded([*head, *self.added(head, whole, answer), *closing], len(head))
            for head, whole, answer in zip(heads, wholes, answers, strict=True)
        ]

    def answer(self, target: str) -> str:
        """A target as the model writes it: a chat turn begins without a blank, and ends as its template does."""
        return target.lstrip() + (self.frame.end or "") if self.frame.is_chat else target

    def added(self, head: list[int], whole: list[int], answer: str) -> list[int]:
        """What the ids `whole` of a prompt and its answer add to the prompt's own, `head`."""
        if whole[: len(head)] == head:
            return whole[len(head) :]
        prompt = self.tokenizer.decode(head)
        for place in range(beginning([head, whole]), len(whole)):
            text = self.tokenizer.decode(whole[:place])
            if text == prompt:
                return whole[place:]
            if len(text) > len(prompt):
                break
        return self.behind(answer)

    def behind(self, text: str) -> list[int]:
        """The ids of a text that continues another: SentencePiece would put a blank before one that begins."""
        line, lines = self.ids(["\n", f"\n{text}"])
        return lines[len(line) :] if lines[: len(line)] == line else self.ids([text])[0]

    def opened(self, ids: list[int]) -> list[int]:
        """With what the tokenizer puts before a text, unless the template does."""
        return ids if ids[: len(self.opening)] == self.opening else [*self.opening, *ids]

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        return [ids for batch in batches(texts) for ids in self._encode(batch)]

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        encoded = self.tokenizer(
            texts, add_special_tokens=False, return_attention_mask=False, verbose=False
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    @property
    def end(self) -> int:
        """The token that training teaches to end with."""
        if self.frame.end is None:
            return int(self.tokenizer.eos_token_id)
        return int(self.tokenizer.convert_tokens_to_ids(self.frame.end))

    def ends(self, generation_config: Any) -> frozenset[int]:
        """Every token at which a path ends: the taught one, and those of the model's generation configuration."""
        given = getattr(generation_config, "eos_token_id", None)
        listed = given if isinstance(given, list) else [given]
        return frozenset(token for token in [*listed, self.end] if token is not None)


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), BATCH):
        yield list(texts[start : start + BATCH])
