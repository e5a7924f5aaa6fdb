"""The frame that a chat template writes around a question and after an answer.

Tables contain plain text; the frame is added when it is tokenized. The template is rendered once, with markers in
place of question and answer: the text around them is the frame.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from lmsi_kedro.params import Conversation
from lmsi_kedro.tasks import thoughts
from lmsi_kedro.tasks.turns import Role

QUESTION = "\N{OBJECT REPLACEMENT CHARACTER}"
ANSWER = 2 * QUESTION
TODAY = re.compile(r"""strftime_now\(\s*(?P<quote>['"])(?P<format>[^'"]*)(?P=quote)\s*\)""")


@dataclass(frozen=True)
class Frame:
    """The texts around a prompt (before, after) and around an answer without thoughts (lead, end).

    The last token of `end` ends the model's turn; `end` is empty if this is the tokenizer's eos_token.
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
    """Returns the frame of a model's template; it is empty if there is no template or `chat` is never.

    Raises ValueError if the template rejects the conversation or changes its text.
    """
    if lacking(tokenizer, conversation):
        if conversation.system:
            raise ValueError(
                "prompts.system is a turn of a chat, but the model is asked in plain text: unset it"
            )
        return PLAIN
    turn = {"role": "user", "content": QUESTION}
    prompt = rendered(tokenizer, conversation, [turn])
    answered = rendered(tokenizer, conversation, [turn, {"role": "assistant", "content": ANSWER}])
    before, question, after = prompt.partition(QUESTION)
    until, answer, rest = answered.rpartition(ANSWER)
    if not question or not answer or QUESTION in after:
        raise ValueError(
            "the tokenizer's chat_template changes the text of a turn; set engine.chat=never to do without it"
        )
    if conversation.system and conversation.system.strip() not in prompt:
        raise ValueError("the tokenizer's chat_template leaves prompts.system out: unset it")
    opened = thoughts.opened(after)
    # Most templates render an answer in the same way as they prompt for it. DeepSeek-R1's prompt opens a thought,
    # but it renders an answer without one, so the thought has to be closed first.
    same = until.startswith(prompt)
    lead = until.removeprefix(prompt) if same else thoughts.closing(opened) if opened else ""
    return Frame(before, after, lead, up_to_token(tokenizer, rest), opened)


def lacking(tokenizer: Any, conversation: Conversation) -> str:
    """Says why prompts cannot have turns, and what to change; empty if they can."""
    if conversation.chat == "never":
        return "engine.chat is never: set it to auto"
    if not tokenizer.chat_template:
        return "the tokenizer has no chat_template: take a chat model, or add the template"
    return ""


def texts_around(
    tokenizer: Any, conversation: Conversation, roles: Sequence[Role]
) -> tuple[list[int], list[str]]:
    """Returns the order in which the template writes the turns of a prompt, and the texts around them.

    A system turn of the prompt replaces prompts.system. Raises ValueError if prompts cannot have turns, or if the
    template rejects or changes them.
    """
    if lack := lacking(tokenizer, conversation):
        raise ValueError(f"a prompt has several turns, but {lack}")
    marks = [f"{QUESTION}{number}{QUESTION}" for number in range(len(roles))]
    turns = [{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=True)]
    own = {"system": None} if roles[0] == "system" else {}
    text = rendered(tokenizer, conversation.model_copy(update=own), turns)
    pieces = re.split(f"{QUESTION}(\\d+){QUESTION}", text)
    order = [int(number) for number in pieces[1::2]]
    if sorted(order) != list(range(len(roles))) or order[-1] != len(roles) - 1:
        raise ValueError(
            f"the tokenizer's chat_template changes or leaves out one of the turns {', '.join(roles)}: leave the "
            "earlier ones out of `messages`, or set prompts.exemplars=text"
        )
    return order, pieces[::2]


def rendered(tokenizer: Any, conversation: Conversation, turns: list[dict[str, str]]) -> str:
    """Renders the turns with the template, after the system turn of the conversation."""
    thinks, system = conversation.thoughts == "keep", conversation.system
    first = [{"role": "system", "content": system}] if system else []
    try:
        return str(
            tokenizer.apply_chat_template(
                [*first, *turns],
                chat_template=on_day(tokenizer.get_chat_template(), conversation.date),
                tokenize=False,
                add_generation_prompt=turns[-1]["role"] == "user",
                enable_thinking=thinks,  # the option in Qwen's template; DeepSeek's is `thinking`
                thinking=thinks,
            )
        )
    except Exception as error:  # a template may raise anything
        raise ValueError(
            f"the tokenizer's chat_template rejects a conversation: {error}; {advice(system, turns)}"
        ) from error


def advice(system: str | None, turns: list[dict[str, str]]) -> str:
    """Returns what to change in a conversation that the template rejects."""
    if turns[0]["role"] == "system":
        return "leave the system turn out of `messages`"
    if system:
        return "unset prompts.system"
    return "set engine.chat=never to do without it"


def on_day(template: str, day: date | None) -> str:
    """Returns the template with a fixed date in place of today's; transformers has no option to set the date."""
    if day is None:
        return template
    fixed = TODAY.sub(lambda call: repr(day.strftime(call["format"])), template)
    if "strftime_now(" in fixed:
        raise ValueError("it writes a date whose format is not a literal")
    return fixed


def up_to_token(tokenizer: Any, text: str) -> str:
    """Returns the text up to and including its first added token; the result is empty if it has none."""
    found = any_of(added_tokens(tokenizer)).search(text)
    return text[: found.end()] if found else ""


def added_tokens(tokenizer: Any) -> dict[str, bool]:
    """Returns the added tokens of a tokenizer that are not white space, and whether each is special."""
    added = tokenizer.added_tokens_decoder.values()
    return {token.content: token.special for token in added if token.content.strip()}


def any_of(tokens: Iterable[str]) -> re.Pattern[str]:
    """Matches any of the tokens, the longest if several begin at one position."""
    longest_first = sorted(tokens, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or "(?!)")  # (?!) never matches
