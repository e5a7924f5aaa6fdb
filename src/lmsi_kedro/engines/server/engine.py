"""Draws paths from servers.

**What is lost against the local engine**: the random numbers are the server's own. A seed per request, made of
(seed, question, first path), is sent where the server takes one, but the text may change with the server's
version, hardware, batching and restarts: chunks are not promised byte for byte, and dtype and weights are the
server's word. What holds: a chunk that is stored is never asked for again, and the prompt's token ids are those
of training.
"""

import hashlib
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.server.fleet import Fleet, RefusedError, ServerError
from lmsi_kedro.params import EngineParams, Sampling
from lmsi_kedro.tasks import STOP, said
from lmsi_kedro.tasks.encoding import encode_prompt, frame_of

log = logging.getLogger(__name__)
# Fields that some servers refuse; -1 and 0 switch these filters off in vLLM, SGLang and llama.cpp.
OPTIONAL: dict[str, Any] = {"seed": 1, "logprobs": 1, "n": 2, "top_k": -1, "min_p": 0.0}
EXTRA = ("top_k", "min_p")  # no fields of OpenAI's own
SCHEMA = {
    "question_id": pl.String, "path": pl.Int32, "text": pl.String, "tokens": pl.Int32,
    "logprob": pl.Float64, "finish": pl.String,
}  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """One completion; logprob is None where the server gives none."""

    text: str
    tokens: int
    logprob: float | None
    finish: str


class ServerEngine:
    """`engine.server` as an engine; many chunks may be sampled at once."""

    def __init__(self, model: Path, params: EngineParams) -> None:
        """model is the directory of the served model: its tokenizer and chat template are used here."""
        from transformers import AutoTokenizer

        assert params.server is not None
        trust = params.trust_remote_code
        self.tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=trust)
        self.frame = frame_of(self.tokenizer, params.chat)
        self.fleet = Fleet(params.server)
        self.pool = ThreadPoolExecutor(params.server.concurrency)
        self.taken: set[str] = set()

    def negotiate(self, request: Request, sampling: Sampling) -> None:
        """Finds out which optional fields the servers take, and that they see the tokens that training sees."""
        prompt = self.prompt(request)
        plain = self.fleet.complete(0, prompt, max_tokens=1, temperature=1.0)
        seen, expected = plain.usage.prompt_tokens, len(self.token_ids(request))
        if seen != expected:
            raise ServerError(
                f"the server sees {seen} tokens in the prompt of question {request.question_id}, training "
                f"{expected}: it serves another model than engine.server.revision says, or engine.chat is wrong"
            )
        self.taken = {name for name in OPTIONAL if self.takes(name, prompt)}
        lacking = [name for name in EXTRA if name not in self.taken and getattr(sampling, name)]
        if lacking:
            raise ServerError(f"the server refuses {', '.join(lacking)}, which paths.sampling sets")
        found = ", ".join(f"{name} {'yes' if name in self.taken else 'no'}" for name in OPTIONAL)
        log.info("the server takes %s; its draws are its own: docs/servers.md", found)

    def takes(self, name: str, prompt: str) -> bool:
        """Whether a field is taken, not refused and not ignored."""
        try:
            answer = self.fleet.complete(
                0, prompt, max_tokens=1, temperature=1.0, **fields({name: OPTIONAL[name]})
            )
        except RefusedError:
            return False
        if name == "n":
            return len(answer.choices) == 2
        if name == "logprobs":
            return logprobs_of(answer.choices[0]) is not None
        return True

    def sample(self, requests: Sequence[Request], sampling: Sampling) -> pl.DataFrame:
        """The paths of requests: `paths` but exemplar_set."""
        drawn = self.pool.map(lambda request: self.draw(request, sampling), requests)
        rows = [
            (request.question_id, path, said(one.text), one.tokens, one.logprob, one.finish)
            for request, paths in zip(requests, drawn, strict=True)
            for path, one in zip(request.paths, paths, strict=True)
        ]
        table = pl.DataFrame(rows, schema=SCHEMA, orient="row")
        if sampling.temperature > 0 and all_alike(table):
            log.warning(
                "all paths of each question of a chunk are the same: does the server sample? `transformers serve` "
                "does so only with do_sample in the model's generation_config.json"
            )
        return table

    def draw(self, request: Request, sampling: Sampling) -> list[Drawn]:
        """All paths of one question: in one request where n is taken, and what does not come back one by one."""
        many = len(request.paths) if "n" in self.taken and sampling.temperature > 0 else 1
        drawn = self.ask(request, sampling, request.paths[0], many)
        for path in request.paths[len(drawn) :]:
            drawn += self.ask(request, sampling, path, 1)
        return drawn

    def ask(self, request: Request, sampling: Sampling, path: int, n: int) -> list[Drawn]:
        """At most n completions, at least one."""
        seed = seed_of(sampling.seed, request.question_id, path)
        optional = {
            "seed": seed, "logprobs": 1, "n": n, "top_k": sampling.top_k or -1, "min_p": sampling.min_p,
        }  # fmt: skip
        drawing = {
            "max_tokens": sampling.max_new_tokens, "temperature": sampling.temperature,
            "top_p": sampling.top_p, "stop": [STOP],
            **fields({name: value for name, value in optional.items() if name in self.taken}),
        }  # fmt: skip
        try:
            answer = self.fleet.complete(seed, self.prompt(request), **drawing)
        except ServerError as error:
            raise ServerError(f"question {request.question_id}: {error}") from error
        if not answer.choices:
            raise ServerError(f"question {request.question_id}: the server answers with no choice")
        return [drawn_of(choice, answer) for choice in answer.choices[:n]]

    def prompt(self, request: Request) -> str:
        """The text that the server encodes; it adds the token that begins a text, as tokenizers do by default."""
        text = self.frame.before + request.prompt.text + self.frame.after
        start = self.tokenizer.bos_token
        adds = start and self.tokenizer.encode("")[:1] == [self.tokenizer.bos_token_id]
        return text.removeprefix(start) if adds else text

    def close(self) -> None:
        """Ends what is asked for; no new request is sent."""
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.fleet.close()

    def token_ids(self, request: Request) -> list[int]:
        return encode_prompt(self.tokenizer, request.prompt.text, self.frame)


def fields(given: dict[str, Any]) -> dict[str, Any]:
    """As the client wants them: what is not OpenAI's goes into extra_body."""
    extra = {name: value for name, value in given.items() if name in EXTRA}
    return {name: value for name, value in given.items() if name not in EXTRA} | (
        {"extra_body": extra} if extra else {}
    )


def seed_of(seed: int, question_id: str, path: int) -> int:
    """A request's seed, of 31 bits, which every server takes."""
    content = f"{seed} {question_id} {path}".encode()
    return int.from_bytes(hashlib.blake2b(content, digest_size=4).digest(), "big") >> 1


def logprobs_of(choice: Any) -> list[float] | None:
    """Of the sampled tokens."""
    given = getattr(choice, "logprobs", None)
    return getattr(given, "token_logprobs", None) or None


def drawn_of(choice: Any, answer: Any) -> Drawn:
    """What did not end by itself counts as cut off; without log-probabilities tokens is the choices' mean."""
    given = logprobs_of(choice)
    finish = "stop" if choice.finish_reason == "stop" else "length"
    if given is not None:
        return Drawn(choice.text, len(given), float(sum(given)), finish)
    used = answer.usage.completion_tokens if answer.usage else 0
    return Drawn(choice.text, round(used / len(answer.choices)), None, finish)


def all_alike(table: pl.DataFrame) -> bool:
    """Whether several questions have several paths each, but one text each."""
    texts = table.group_by("question_id").agg(pl.len(), pl.col("text").n_unique())
    return bool(texts.height > 1 and (texts["len"] > 1).all() and (texts["text"] == 1).all())
