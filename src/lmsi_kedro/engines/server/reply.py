"""Parses a server's response to a request, and keeps only its complete choices.

OpenAI-compatible servers omit different fields, and a proxy may answer in place of a server. A choice is complete
if its text is valid Unicode, it ended for a reason in `FINISH`, and it has finite log-probabilities or none. If
some choices are incomplete, the others are kept; PassingError if none is complete.
"""

import json
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Literal

from lmsi_kedro.engines.server.faults import (
    LONGEST,
    PassingError,
    ServerError,
    brief,
    fault,
    is_html,
)
from lmsi_kedro.params import ServerParams
from lmsi_kedro.params.servers import Advice

Finish = Literal["stop", "length"]
# The reasons for which a complete choice ends. Others are abort (vLLM, SGLang), error (vLLM, Mistral),
# content_filter, SAFETY (Gemini), refusal (Anthropic), null (Ollama after a lost connection).
FINISH: dict[str, Finish] = {
    "stop": "stop",  # OpenAI, vLLM, SGLang, llama.cpp, Ollama, transformers; STOP: Gemini
    "eos": "stop",  # llama.cpp's stop_type, like "word"
    "word": "stop",
    "eos_token": "stop",  # TGI, like "stop_sequence"
    "stop_sequence": "stop",  # Anthropic and Cohere too
    "end_turn": "stop",  # Anthropic
    "complete": "stop",  # Cohere
    "eosfound": "stop",  # LM Studio, like "stopStringFound"
    "stopstringfound": "stop",
    "length": "length",  # OpenAI, vLLM, SGLang, llama.cpp, TGI, Ollama, transformers
    "limit": "length",  # llama.cpp's stop_type
    "max_tokens": "length",  # Anthropic; MAX_TOKENS: Gemini, Cohere
    "model_length": "length",  # Mistral
    "model_context_window_exceeded": "length",  # Anthropic
    "maxpredictedtokensreached": "length",  # LM Studio, like "contextLengthReached"
    "contextlengthreached": "length",
}
# The finish reasons of chat replies that a server withholds; it would withhold the reply to a retry, too.
DECLINED = ("content_filter", "refusal", "safety")
# Bounds of a log-probability. vLLM writes -9999 for minus infinity, llama.cpp the lowest float; because of
# rounding, it may slightly exceed 0.
LEAST, MOST = -9999.0, 1e-3
COUNT = 2**31  # valid numbers of tokens are smaller, because table columns have 32 bits


@dataclass(frozen=True)
class Completion:
    """One completion; logprob is None if the server gives none."""

    text: str
    tokens: int
    logprob: float | None
    finish: Finish


@dataclass(frozen=True)
class Reply:
    """A parsed response with at least one complete choice.

    completions: the complete choices by index; choices: the number of choices in the response; prompt_tokens: None
    if the server does not count them (some servers do not count cached ones).
    """

    url: str
    choices: int
    completions: Mapping[int, Completion]
    prompt_tokens: int | None = None
    cached_tokens: int = 0


@dataclass(frozen=True)
class Reader:
    """Parses the responses of one server.

    needed: `usage` and `logprobs`, if a reply without them is an error; n: the number of requested choices; chat:
    whether the choices are chat messages.
    """

    url: str
    needed: Set[str] = field(default_factory=frozenset)
    n: int = 1
    advice: Advice = ServerParams.advice
    chat: bool = False

    def reply(self, content: bytes, kind: str) -> Reply:
        """The reply in an HTTP body; kind is its Content-Type."""
        data = self.data(content, kind)
        choices = data.get("choices")
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise self.error(data)
        if not choices:
            raise PassingError(f"{self.url} answers with no choice")
        usage: dict[str, Any] = data["usage"] if isinstance(data.get("usage"), dict) else {}
        if "usage" in self.needed and number(usage, "prompt_tokens") is None:
            raise PassingError(
                f"{self.url} does not report usage.prompt_tokens, which shows whether it has the right model: use "
                "a server or proxy that reports it"
            )
        return Reply(
            self.url,
            len(choices),
            self.whole(choices, usage),
            number(usage, "prompt_tokens"),
            cached_of(usage),
        )

    def whole(self, choices: list[dict[str, Any]], usage: dict[str, Any]) -> dict[int, Completion]:
        """The complete choices among the requested ones, by index; PassingError if there is none."""
        complete, broken = dict[int, Completion](), ""
        wanted = choices[: self.n]
        for index, choice in zip(indices(wanted), wanted, strict=True):
            try:
                one = (
                    self.message(choice)
                    if self.chat
                    else self.completion(choice, usage, len(choices))
                )
            except ValueError as error:
                broken = str(error)
            else:
                complete.setdefault(index, one)
        if not complete:
            raise PassingError(
                f"{self.url} answers with a choice that {broken}: if this persists, repair that server, or "
                f"{self.advice.without}"
            )
        return complete

    def data(self, content: bytes, kind: str) -> dict[str, Any]:
        """The JSON object in a body."""
        if "event-stream" in kind or content.lstrip().startswith((b"data:", b"event:")):
            raise ServerError(
                f"{self.url} answers with an event stream, which was not requested: turn streaming off in the "
                "server, or in the proxy before it"
            )
        text = content.decode(errors="replace")
        try:
            data = json.loads(content)
        except (ValueError, RecursionError):
            data = None
        if isinstance(data, dict):
            return data
        what = brief(text) if is_html(text) else f"{len(content)} bytes that end in {text[-40:]!r}"
        raise PassingError(
            f"{self.url} answers with {what}, which is not a complete JSON object: if this persists, something "
            f"else answers there; check {self.advice.url}, HTTP_PROXY and NO_PROXY"
        )

    def error(self, data: dict[str, Any]) -> ServerError:
        """The error in a body without choices: {"error": {"message", "code"}} and its variants."""
        inner = data["error"] if isinstance(data.get("error"), dict) else data
        codes = [str(inner.get(name)) for name in ("code", "status", "http_status_code")]
        code = next((int(code) for code in codes if re.fullmatch("[45][0-9]{2}", code)), None)
        return fault(self.url, code, json.dumps(data), advice=self.advice)

    def completion(self, choice: dict[str, Any], usage: dict[str, Any], choices: int) -> Completion:
        """A choice as a completion; ValueError if it is incomplete.

        Without log-probabilities, its number of tokens is the mean over the choices of the response.
        """
        text, reason = choice.get("text"), choice.get("finish_reason")
        if not isinstance(text, str):
            chat = "a chat message instead, so it is not a completions endpoint"
            raise ValueError(f"has {chat if 'message' in choice else 'no text'}")
        if not valid(text):
            raise ValueError("has half of a surrogate pair in its text")
        finish = FINISH.get(reason.casefold()) if isinstance(reason, str) else None
        if finish is None:
            raise ValueError(f"ended with finish_reason {reason!r}")
        logprobs = logprobs_of(choice)
        if logprobs:
            return Completion(text, len(logprobs), float(sum(logprobs)), finish)
        if text and "logprobs" in self.needed:
            raise ValueError("has no log-probabilities, which this server gave before")
        used = number(usage, "completion_tokens", None if text else 0)
        if used is None:
            raise ValueError(
                "has neither log-probabilities nor usage.completion_tokens, so its length is unknown"
            )
        return Completion(text, round(used / choices), None, finish)

    def message(self, choice: dict[str, Any]) -> Completion:
        """A chat message as a completion without its length; empty if it is withheld or has only thoughts."""
        message, reason = choice.get("message"), choice.get("finish_reason")
        if not isinstance(message, dict):
            raise ValueError("has no message, so it is not a chat endpoint")
        if isinstance(reason, str) and reason.casefold() in DECLINED:
            return Completion("", 0, None, "stop")
        completion = {"text": message.get("content") or "", "finish_reason": reason}
        return self.completion(completion, {"completion_tokens": 0}, 1)


def valid(text: str) -> bool:
    """Whether a text can be stored: JSON may contain lone surrogates, UTF-8 may not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def indices(choices: list[dict[str, Any]]) -> list[int]:
    """The index of each choice; if an index is missing or out of range, the choices are numbered in order."""
    numbers = [number(choice, "index", len(choices)) or 0 for choice in choices]
    return numbers if max(numbers) < len(choices) else list(range(len(choices)))


def number(fields: dict[str, Any], name: str, default: int | None = None) -> int | None:
    """A field with a number of tokens or an index; the default if it is missing or invalid."""
    value = fields.get(name)
    return value if type(value) is int and 0 <= value < COUNT else default


def cached_of(usage: dict[str, Any]) -> int:
    """The number of cached prompt tokens, in the field of most servers (OpenAI, vLLM, ...) or in Moonshot's."""
    details = usage.get("prompt_tokens_details")
    return number(details if isinstance(details, dict) else usage, "cached_tokens", 0) or 0


def logprobs_of(choice: dict[str, Any]) -> list[float]:
    """The log-probabilities of the sampled tokens, from token_logprobs or, for llama.cpp, content as in chats.

    The list is empty if there are none; ValueError for an invalid one.
    """
    found = choice.get("logprobs")
    if not isinstance(found, dict):
        return []
    values = found.get("token_logprobs")
    if isinstance(content := found.get("content"), list):
        values = [token.get("logprob") if isinstance(token, dict) else None for token in content]
    if not isinstance(values, list):
        return []
    for value in values:
        if type(value) not in (int, float) or not LEAST < value <= MOST:
            raise ValueError(f"has the log-probability {str(value)[:LONGEST]}")
    return values
