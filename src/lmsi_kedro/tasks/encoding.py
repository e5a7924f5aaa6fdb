"""From prompts to token ids, the same for sampling and for training. Knows nothing of models.

Tables hold plain text. What a chat model wants around it, its template, is put there when text becomes ids.
"""

from dataclasses import dataclass
from typing import Any, Literal

Chat = Literal["auto", "never"]
MARK = "\N{OBJECT REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Frame:
    """What stands before and after a prompt: nothing, or a chat template's one user turn.

    end is the token that ends an answer, if it is another than the tokenizer's own.
    """

    before: str = ""
    after: str = ""
    end: str | None = None

    @property
    def is_chat(self) -> bool:
        return bool(self.before or self.after)


PLAIN = Frame()


def frame_of(tokenizer: Any, chat: Chat) -> Frame:
    """The frame of a model: its template's, unless there is none or `chat` is never.

    ValueError for a template that does not keep the text as it is.
    """
    if chat == "never" or not tokenizer.chat_template:
        return PLAIN
    turn = [{"role": "user", "content": MARK}]
    options = {
        "tokenize": False,
        "enable_thinking": False,
    }  # templates ignore what they do not know
    prompt = tokenizer.apply_chat_template(turn, add_generation_prompt=True, **options)
    answered = tokenizer.apply_chat_template(
        [*turn, {"role": "assistant", "content": f"{MARK}{MARK}"}], **options
    )
    before, mark, after = prompt.partition(MARK)
    _, doubled, closing = answered.rpartition(f"{MARK}{MARK}")
    if not mark or not doubled:
        raise ValueError(
            "the tokenizer's chat_template changes the text of a turn; set engine.chat=never to do without it"
        )
    specials = [
        token for token in tokenizer.all_special_tokens if closing.strip().startswith(token)
    ]
    return Frame(before, after, max(specials, key=len, default=None))


def encode_prompt(tokenizer: Any, prompt: str, frame: Frame = PLAIN) -> list[int]:
    """The ids of a prompt, after a BOS token only if the tokenizer adds one by default and no template does."""
    ids: list[int] = tokenizer.encode(frame.before + prompt + frame.after, add_special_tokens=False)
    bos = tokenizer.bos_token_id
    wanted = bos is not None and tokenizer.encode("")[:1] == [bos] and ids[:1] != [bos]
    return [bos, *ids] if wanted else ids


def encode_parts(
    tokenizer: Any, shared: str, own: str, frame: Frame = PLAIN
) -> tuple[list[int], list[int]]:
    """The ids of a prompt's two parts; ValueError when a token spans both, as training would see it."""
    whole = encode_prompt(tokenizer, shared + own, frame)
    head = encode_prompt(tokenizer, shared, Frame(before=frame.before))
    tail = tokenizer.encode(own + frame.after, add_special_tokens=False)
    if [*head, *tail] != whole:
        raise ValueError(
            "the tokenizer joins the end of the exemplars with the question, so training and "
            f"sampling would see different tokens of the prompt that ends in {own[-80:]!r}"
        )
    return head, tail


def encode_target(tokenizer: Any, target: str, frame: Frame = PLAIN) -> list[int]:
    """The ids of an answer to a prompt, and of the token that ends it; a chat turn begins without a blank."""
    text = target.lstrip() if frame.is_chat else target
    return [*tokenizer.encode(text, add_special_tokens=False), end_token(tokenizer, frame)]


def end_token(tokenizer: Any, frame: Frame) -> int:
    """The token that training teaches to end with."""
    if frame.end is None:
        return int(tokenizer.eos_token_id)
    return int(tokenizer.convert_tokens_to_ids(frame.end))


def end_tokens(tokenizer: Any, frame: Frame, generation_config: Any) -> frozenset[int]:
    """Every token at which a path ends: the taught one, and those of the model's generation configuration."""
    given = getattr(generation_config, "eos_token_id", None)
    listed = given if isinstance(given, list) else [given]
    ends = [*listed, end_token(tokenizer, frame)]
    return frozenset(token for token in ends if token is not None)
