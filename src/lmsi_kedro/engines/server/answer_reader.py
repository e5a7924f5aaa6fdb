"""Uses a chat endpoint to find where texts state their final answers.

A reply is never used as an answer itself. It only points to a part of the text, which is then canonicalised by the
rules of the task; a reply that does not occur in the text is ignored.
"""

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from lmsi_kedro.engines.server.faults import RefusedError, ServerError
from lmsi_kedro.engines.server.fleet import Fleet
from lmsi_kedro.params import ReaderParams
from lmsi_kedro.tasks.thoughts import speech, spoken

NOTHING = "UNKNOWN"
PROMPT = f"""\
Below is a solution of a problem. Copy the final answer that it states, word for word: only the number, letter or \
words that are the answer. Do not solve the problem, and do not correct the answer. If the solution states none, \
reply {NOTHING}.

"""  # docs/new_task.md quotes this prompt
TRIAL = "Two and two make four, so four it is."
TOKENS = 64
# A match must not be a part of a longer number (2 1/2, 10:30, 5 000), word or formula.
BEGIN = r"(?<![\w\\/.,^\u2212-])(?!(?<=\d[ :\u2013])\d)"
END = r"(?![\w/^]|[.,]\d|(?<=\d)[ :\u2013-]\d)"
AROUND = " \t\r\n\"'`*\u201c\u201d"


class Stated(NamedTuple):
    """A reply, and the part of the text that it copies; the other fields are None if there is no such part."""

    reply: str | None = None
    surface: str | None = None
    start: int | None = None
    end: int | None = None


class AnswerReader:
    """The endpoint of `voting.reader`; the texts of a call are sent concurrently."""

    def __init__(self, params: ReaderParams) -> None:
        self.fleet, self.pool = Fleet(params), ThreadPoolExecutor(params.concurrency)

    def try_out(self) -> None:
        """Raises ServerError if a trial request fails; any later rejection must then be due to the text sent."""
        try:
            reply = self.ask(0, TRIAL)
        except RefusedError as error:
            raise ServerError(f"voting.reader: {error}") from None
        if not spoken(reply):
            raise ServerError(
                f"voting.reader: the {TOKENS} tokens of the reply contain only thoughts; turn thinking off in the "
                "server, or use a model that does not think"
            )

    def read(self, texts: Iterable[str]) -> list[Stated]:
        """Finds where each text, outside its thoughts, states its answer; equal texts are sent once."""
        texts = list(texts)
        visible = [spoken(text) for text in texts]
        unique = list(dict.fromkeys(filter(None, visible)))
        replies = dict(
            zip(unique, self.pool.map(self.reply, range(len(unique)), unique), strict=True)
        )
        pairs = zip(texts, map(replies.get, visible), strict=True)
        return [stated(text, reply) for text, reply in pairs]

    def reply(self, turn: int, text: str) -> str | None:
        """The reply; None if the endpoint rejects this text, for example because it is too long."""
        try:
            return self.ask(turn, text)
        except RefusedError:
            return None

    def ask(self, turn: int, text: str) -> str:
        try:
            reply = self.fleet.chat(turn, PROMPT + text, temperature=0, max_tokens=TOKENS)
        except RefusedError:
            raise
        except ServerError as error:
            raise ServerError(f"voting.reader: {error}") from None
        return reply.completions[min(reply.completions)].text

    def close(self) -> None:
        """Cancels waiting requests and retries."""
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.fleet.close()


def stated(text: str, reply: str | None) -> Stated:
    """The last part of the text, outside its thoughts, that equals the reply except for case and spaces."""
    words = spoken(reply or "").strip(AROUND).rstrip(".").strip(AROUND).split()
    if not words or words == [NOTHING] or sum(map(len, words)) > len(text):
        return Stated(reply)
    # The letter of an option is compared with its case, so that A is not mistaken for the article a.
    is_letter = len(words) == 1 and len(words[0]) == 1
    pattern = BEGIN + r"\s+".join(map(re.escape, words)) + END
    copied = re.compile(pattern, re.NOFLAG if is_letter else re.IGNORECASE)
    found = list(copied.finditer(text, *speech(text)))
    return Stated(reply, found[-1].group(), *found[-1].span()) if found else Stated(reply)
