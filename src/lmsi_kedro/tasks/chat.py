"""What a chat template writes around a prompt. Tables hold plain text, which is framed when it becomes ids."""

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
    return Frame(before, after, end_of_turn(tokenizer, closing))


def end_of_turn(tokenizer: Any, closing: str) -> str | None:
    """The token that a template writes after an answer; None for one that writes text, or nothing.

    Its first token decides, not the tokenizer's list of special ones: Gemma 3 and Llama 3 leave <end_of_turn> and
    <|eot_id|> out of that list where their eos_token is another.
    """
    ids = tokenizer.encode(closing.strip(), add_special_tokens=False)
    first: str | None = tokenizer.convert_ids_to_tokens(ids[0]) if ids else None
    return first if first in tokenizer.get_added_vocab() else None
