"""The frame that a chat template writes around a question and after an answer.

Tables have plain text, which is framed when it is tokenized. The template is rendered once, with markers in place
of question and answer: the text around them is the frame.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from lmsi_kedro.params import Conversation
from lmsi_kedro.tasks import thoughts

QUESTION = "\N{OBJECT REPLACEMENT CHARACTER}"
ANSWER = 2 * QUESTION
TODAY = re.compile(r"""strftime_now\(\s*(?P<quote>['"])(?P<format>[^'"]*)(?P=quote)\s*\)""")


@dataclass(frozen=True)
class Frame:
    """The texts around a prompt (before, after) and around an answer without thoughts (lead, end).

    end ends with the token that ends the model's turn; it is empty if that is the tokenizer's eos_token.
    opened is the part of `after` that opens a thought, which the model then continues.
    """

    before: str = ""
    after: str = ""
    lead: str = ""
    end: str = ""
    opened: str = ""

    @property
    def is_chat(self) -> bool:
        return bool(self.before or self.after)


PLAIN = Frame()


def frame_of(tokenizer: Any, conversation: Conversation) -> Frame:
    """The frame of a model's template; it is empty if there is no template or `chat` is never.

    ValueError for a template that rejects the conversation or changes its text.
    """
    if conversation.chat == "never" or not tokenizer.chat_template:
        if conversation.system:
            raise ValueError(
                "prompts.system is a turn of a chat, but the model is asked in plain text: unset it"
            )
        return PLAIN
    asked = rendered(tokenizer, conversation)
    answered = rendered(tokenizer, conversation, ANSWER)
    before, question, after = asked.partition(QUESTION)
    until, answer, rest = answered.rpartition(ANSWER)
    if not question or not answer or QUESTION in after:
        raise ValueError(
            "the tokenizer's chat_template changes the text of a turn; set engine.chat=never to do without it"
        )
    if conversation.system and conversation.system.strip() not in asked:
        raise ValueError("the tokenizer's chat_template leaves prompts.system out: unset it")
    opened = thoughts.opened(after)
    # Most templates render an answer in the same way as they prompt for it. DeepSeek-R1's prompt opens a thought,
    # but it renders an answer without one, so the thought has to be closed first.
    same = until.startswith(asked)
    lead = until.removeprefix(asked) if same else thoughts.closing(opened) if opened else ""
    return Frame(before, after, lead, up_to_token(tokenizer, rest), opened)


def rendered(tokenizer: Any, conversation: Conversation, answer: str | None = None) -> str:
    """A conversation with a question and maybe an answer, rendered by the template."""
    thinks, system = conversation.thoughts == "keep", conversation.system
    turns = [{"role": "system", "content": system}] if system else []
    turns.append({"role": "user", "content": QUESTION})
    if answer is not None:
        turns.append({"role": "assistant", "content": answer})
    try:
        return str(
            tokenizer.apply_chat_template(
                turns,
                chat_template=on_day(tokenizer.get_chat_template(), conversation.date),
                tokenize=False,
                add_generation_prompt=answer is None,
                enable_thinking=thinks,  # as Qwen names it; DeepSeek: thinking
                thinking=thinks,
            )
        )
    except Exception as error:  # a template may raise anything
        advice = "unset prompts.system" if system else "set engine.chat=never to do without it"
        raise ValueError(
            f"the tokenizer's chat_template rejects a conversation: {error}; {advice}"
        ) from error


def on_day(template: str, day: date | None) -> str:
    """The template with a fixed date in place of today's; transformers cannot pass it a function for this."""
    if day is None:
        return template
    dated = TODAY.sub(lambda call: repr(day.strftime(call["format"])), template)
    if "strftime_now(" in dated:
        raise ValueError("it writes a date whose format is not a literal")
    return dated


def up_to_token(tokenizer: Any, text: str) -> str:
    """The text up to and including its first added token; empty if it has none."""
    found = any_of(added_tokens(tokenizer)).search(text)
    return text[: found.end()] if found else ""


def added_tokens(tokenizer: Any) -> dict[str, bool]:
    """The added tokens of a tokenizer that are not white space, and whether each is special."""
    added = tokenizer.added_tokens_decoder.values()
    return {token.content: token.special for token in added if token.content.strip()}


def any_of(tokens: Iterable[str]) -> re.Pattern[str]:
    """Matches any of the tokens, the longest if several begin at one position."""
    longest_first = sorted(tokens, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or "(?!)")  # which never matches
