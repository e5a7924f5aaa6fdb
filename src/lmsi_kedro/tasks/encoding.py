"""Encodes prompts and answers as token ids, in the same way for sampling and for training.

The ids of a prompt are the tokenizer's own ids of its whole text, template included. Encoding it in parts would
give other ids: GPT-2's split expression splits "\\n\\nQ" but keeps "\\n\\n", and SentencePiece puts a space before
each part. Sampling continues these ids, and the ids of a training example begin with them.

Control tokens are special tokens, added tokens of the template and markers of thoughts. They are encoded as such
only in the template and in the thoughts of an answer; in a question they are ordinary text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from lmsi_kedro.params import Conversation
from lmsi_kedro.tasks.chat import added_tokens, any_of, frame_of, texts_around
from lmsi_kedro.tasks.thoughts import MARK, MARKS, speech
from lmsi_kedro.tasks.turns import Role, turns_of

Row = TypeVar("Row", list[int], str)
BATCH = 512  # texts per call: 20,000 long prompts at once would take 2 GB, with the offsets of all tokens
AUTO = Conversation()


@dataclass(frozen=True)
class Encoded:
    """The token ids of prompt, target and end token; the loss covers those after the prompt."""

    ids: list[int]
    prompt_tokens: int

    @property
    def target_tokens(self) -> int:
        return len(self.ids) - self.prompt_tokens


class Part(NamedTuple):
    """A part of a text; controls: whether control tokens in it are encoded as such."""

    text: str
    controls: bool


def beginning(rows: Sequence[Row]) -> int:
    """Returns the length of the common prefix of all rows: that of the first and the last row in sorted order."""
    first, last = min(rows), max(rows)
    pairs = enumerate(zip(first, last, strict=False))
    return next((place for place, (one, other) in pairs if one != other), len(first))


def alike(prompts: Sequence[list[int]]) -> int:
    """Returns the length of the prompts' common prefix, limited so that at least one id of each prompt follows."""
    return min(beginning(prompts), min(map(len, prompts)) - 1)


class Encoder:
    """A model's tokenizer with the frame of its chat template."""

    def __init__(self, tokenizer: Any, conversation: Conversation = AUTO) -> None:
        self.tokenizer, self.conversation = tokenizer, conversation
        self.frame = frame_of(tokenizer, conversation)
        self.around: dict[tuple[Role, ...], tuple[list[int], list[str]]] = {}  # by roles of turns
        added, marks = added_tokens(tokenizer), [*MARKS, *MARKS.values()]
        frame = (self.frame.before, self.frame.after, self.frame.lead, self.frame.end)
        written = "".join([str(tokenizer.chat_template), *frame, *marks])
        self.special = any_of(token for token, special in added.items() if special)
        self.control = any_of(t for t, special in added.items() if special or t in written)
        # Requests to servers and stop sequences depend on whether there may be thoughts.
        self.thinks = any(m in str(tokenizer.chat_template) or m in added for m in marks)
        alone, whole = self.ids(["a"])[0], tokenizer.encode("a")
        starts = (n for n in range(len(whole)) if whole[n : n + len(alone)] == alone)
        # The ids that the tokenizer adds before a text by default, mostly BOS, without those that it adds after a
        # text, such as EOS.
        self.opening: list[int] = whole[: next(starts, 0)]

    @classmethod
    def of(cls, model: Path, conversation: Conversation, trust_remote_code: bool) -> "Encoder":
        """Returns the encoder of a model directory; its weights are not read."""
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=trust_remote_code)
        return cls(tokenizer, conversation)

    def prompts(self, texts: Sequence[str]) -> list[list[int]]:
        """Encodes prompts as the ids that a model continues."""
        return self.encoded([self.prompt_parts(text) for text in texts])

    def examples(self, prompts: Sequence[str], targets: Sequence[str]) -> list[Encoded]:
        """Encodes training pairs: the ids of a prompt as in sampling, then those of its target and the end token.

        Prompt and target are encoded together, and the ids after the prompt are those of the target. If the
        tokenizer merges the end of a prompt with the beginning of its target, the prompt keeps its own ids,
        because sampling continues from these. If some token begins exactly where the prompt's text ends, the
        target has this token and all later ones; otherwise it has the ids of its text alone.
        """
        different = list(dict.fromkeys(prompts))  # a question's paths share a prompt
        ids = dict(zip(different, self.prompts(different), strict=True))
        answers = [self.answer(target) for target in targets]
        wholes = self.encoded(
            [[*self.prompt_parts(p), *answer] for p, answer in zip(prompts, answers, strict=True)]
        )
        closing = [] if self.frame.end else [self.end]
        heads = [ids[prompt] for prompt in prompts]
        return [
            Encoded([*head, *self.added(head, whole, answer), *closing], len(head))
            for head, whole, answer in zip(heads, wholes, answers, strict=True)
        ]

    def prompt_parts(self, prompt: str) -> list[Part]:
        """Returns the parts of a prompt in its frame, or of a prompt with several turns in the template."""
        if not (turns := turns_of(prompt)):
            frame = self.frame
            return [Part(frame.before, True), Part(prompt, False), Part(frame.after, True)]
        roles = tuple(turn.role for turn in turns)
        if roles not in self.around:
            self.around[roles] = texts_around(self.tokenizer, self.conversation, roles)
        order, (before, *after) = self.around[roles]
        parts = [Part(before, True)]
        for number, behind in zip(order, after, strict=True):
            parts += [Part(turns[number].text, False), Part(behind, True)]
        return parts

    def answer(self, target: str) -> list[Part]:
        """Returns the parts of a target after a prompt, thoughts first, up to the end of the turn.

        A target without thoughts begins as in the template, so that a thought opened by the prompt is closed.
        """
        text = target.lstrip() if self.frame.is_chat else target
        begin, _ = speech(text)
        thoughts = MARK.split(text[:begin].removeprefix(self.frame.opened)) if begin else []
        return [
            Part("" if begin else self.frame.lead, True),
            *(Part(piece, number % 2 == 1) for number, piece in enumerate(thoughts)),
            Part(text[begin:], False),
            Part(self.frame.end, True),
        ]

    def added(self, head: list[int], whole: list[int], answer: Sequence[Part]) -> list[int]:
        """Returns the ids that the encoding `whole` of prompt and answer adds to the prompt's ids, `head`."""
        if whole[: len(head)] == head:
            return whole[len(head) :]
        prompt = self.tokenizer.decode(head)
        for place in range(beginning([head, whole]), len(whole)):
            text = self.tokenizer.decode(whole[:place])
            if text == prompt:
                return whole[place:]
            if len(text) > len(prompt):
                break
        return self.behind(self.pieces(answer))

    def encoded(self, texts: Sequence[Sequence[Part]]) -> list[list[int]]:
        """Returns the ids of whole texts, with the tokenizer's prefix (BOS) unless the template writes it."""
        cut = [self.pieces(parts) for parts in texts]
        firsts = self.ids([pieces[0] for pieces in cut])
        wholes = [first + self.behind(rest) for first, (_, *rest) in zip(firsts, cut, strict=True)]
        opening = self.opening
        return [ids if ids[: len(opening)] == opening else opening + ids for ids in wholes]

    def pieces(self, parts: Sequence[Part]) -> list[str]:
        """Returns the text, split inside those control tokens that must be encoded as ordinary text."""
        text, places = "", [0]
        for part in parts:
            if not part.controls:
                found = self.control.finditer(part.text)
                places += [len(text) + token.start() + 1 for token in found]
            text += part.text
        return [text[start:end] for start, end in pairwise([*places, len(text)])]

    def behind(self, pieces: Sequence[str]) -> list[int]:
        """Returns the ids of pieces that continue a text, without the space which SentencePiece adds."""
        ids: list[int] = []
        for piece in pieces:
            line, both = self.ids(["\n", f"\n{piece}"])
            ids += both[len(line) :] if both[: len(line)] == line else self.ids([piece])[0]
        return ids

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the ids of texts without the tokens that the tokenizer adds around them."""
        found: list[list[int]] = []
        for start in range(0, len(texts), BATCH):
            found += self.tokenizer(
                list(texts[start : start + BATCH]),
                add_special_tokens=False, return_attention_mask=False, verbose=False,
            )["input_ids"]  # fmt: skip
        return found

    def written(self, ids: Sequence[int]) -> str:
        """Returns the decoded text with thoughts and control tokens, including a thought opened by the prompt."""
        text = str(self.tokenizer.decode(ids))
        return self.frame.opened + text.removeprefix(self.frame.lead)

    def path(self, written: str) -> str:
        """Returns a path's text: its thoughts if they are kept, and its answer up to an invented next question.

        A path that is cut inside a thought has no answer.
        """
        begin, end = speech(written)
        kept = written[:begin] if self.conversation.thoughts == "keep" else ""
        return (kept + self.special.sub("", written[begin:end])).strip()

    @property
    def turn_end(self) -> str:
        """The token that ends the model's turn in its template, as text; empty if there is none."""
        return str(self.tokenizer.decode([self.end])) if self.frame.end else ""

    @property
    def end(self) -> int:
        """The end token in training examples."""
        if self.frame.end:
            return self.ids([self.frame.end])[0][-1]
        return int(self.tokenizer.eos_token_id)

    def ends(self, generation_config: Any) -> frozenset[int]:
        """Returns all tokens that end a path: those of training, of the tokenizer and of generation_config."""
        stops = getattr(generation_config, "eos_token_id", None)
        listed = stops if isinstance(stops, list) else [stops]
        ends = [*listed, self.end, self.tokenizer.eos_token_id]
        return frozenset(token for token in ends if token is not None)
