"""Samples paths from servers.

**The guarantees are weaker than those of the local engine**, because the server generates the random numbers.
Every path has a seed derived from (seed, question, path). Consecutive paths have consecutive seeds, because vLLM
and llama.cpp sample choice i of a request with the seed of the request + i; so a path does not depend on how many
are requested at once. However, the text of a path may change with the server's version, hardware, batching and
restarts, so identical bytes are not guaranteed; dtype and weights cannot be verified. Two things are guaranteed:
a stored chunk is never sampled again, and the server counts the same number of tokens in every prompt as training.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl

from lmsi_kedro.engines.chunk import Request
from lmsi_kedro.engines.server.abilities import OPTIONAL, abilities
from lmsi_kedro.engines.server.faults import RefusedError, ServerError
from lmsi_kedro.engines.server.fleet import Fleet
from lmsi_kedro.engines.server.reply import Completion, Reply
from lmsi_kedro.params import EngineParams, Sampling
from lmsi_kedro.tasks.encoding import Encoder
from lmsi_kedro.tasks.thoughts import STOP

log = logging.getLogger(__name__)
MANY = 1024  # maximum choices of one request, until a server returns fewer
SCHEMA = {
    "question_id": pl.String, "path": pl.Int32, "text": pl.String, "tokens": pl.Int32,
    "logprob": pl.Float64, "finish": pl.String,
}  # fmt: skip


class ServerEngine:
    """An engine that sends requests to `engine.server`; threads may sample several chunks at once."""

    def __init__(
        self,
        model: Path,
        params: EngineParams,
        revive: Callable[[], bool] = lambda: False,
        ids: bool = False,
    ) -> None:
        """model: the directory of the served model, whose tokenizer and chat template are used here.

        revive: see `Fleet`. ids: send prompts as token ids, because the server's tokenizer may differ.
        """
        assert params.server is not None
        self.encoder = Encoder.of(model, params.conversation, params.trust_remote_code)
        self.fleet, self.ids = Fleet(params.server, revive), ids
        self.pool = ThreadPoolExecutor(params.server.concurrency)
        self.taken: frozenset[str] = frozenset()
        self.most = 1  # maximum choices of one request

    def negotiate(self, request: Request, sampling: Sampling) -> None:
        """Finds out what the servers support, and checks that they count the same tokens as training."""
        prompt, tokens = self.prompt(request), len(self.encoder.prompts([request.prompt])[0])

        def ask(needed: frozenset[str] = frozenset(), **fields: Any) -> Reply:
            return self.fleet.complete(
                0, prompt, needed, **{"max_tokens": 1, "temperature": 1.0, **fields}
            )

        check_prompt(ask(frozenset({"usage"})), request.question_id, tokens, 1)
        self.taken = abilities(ask, sampling)
        self.most = MANY if "n" in self.taken else 1

    def sample(self, requests: Sequence[Request], sampling: Sampling) -> pl.DataFrame:
        """Returns the table `paths` without the column exemplar_set."""
        sampled = self.pool.map(lambda request: self.sample_question(request, sampling), requests)
        rows = [
            (request.question_id, path, self.text(one), one.tokens, one.logprob, one.finish)
            for request, paths in zip(requests, sampled, strict=True)
            for path, one in paths.items()
        ]
        table = pl.DataFrame(rows, schema=SCHEMA, orient="row")
        if sampling.temperature > 0 and all_alike(table):
            log.warning(
                "all paths of each question in a chunk are the same: does the server sample? `transformers serve` "
                "samples only if the model's generation_config.json has do_sample"
            )
        return table

    def sample_question(self, request: Request, sampling: Sampling) -> dict[int, Completion]:
        """Samples all paths of a question in as few requests as the server allows; returns them by index."""
        tokens, completions = (
            len(self.encoder.prompts([request.prompt])[0]),
            dict[int, Completion](),
        )
        while left := [path for path in request.paths if path not in completions]:
            paths = left[: self.most] if sampling.temperature > 0 else left[:1]
            paths = [path for i, path in enumerate(paths) if path == paths[0] + i]
            try:
                reply = self.ask(request, sampling, paths)
                check_prompt(reply, request.question_id, tokens, len(paths))
            except ServerError as error:
                raise ServerError(f"question {request.question_id}: {error}") from None
            if reply.choices < len(paths):
                self.most = min(self.most, reply.choices)
            completions |= {
                path: reply.completions[i] for i, path in enumerate(paths) if i in reply.completions
            }
        return {path: completions[path] for path in request.paths}

    def ask(self, request: Request, sampling: Sampling, paths: Sequence[int]) -> Reply:
        """Requests the choices for consecutive paths, or only for the first ones if the server has fewer slots."""
        n, seed = len(paths), seed_of(sampling.seed, request.question_id, paths[0])
        needed, fields = self.taken & {"logprobs"}, self.fields(sampling, seed, n)
        try:
            return self.fleet.complete(seed, self.prompt(request), needed, **fields)
        except RefusedError:
            if n == 1:
                raise
            return self.ask(request, sampling, paths[: n // 2])

    def fields(self, sampling: Sampling, seed: int, n: int) -> dict[str, Any]:
        """The fields of a request; a filter that is not set is switched off explicitly if the server allows it."""
        taken = self.taken if sampling.top_p == 1 else self.taken | {"top_p"}
        optional = OPTIONAL | {
            "seed": seed, "n": n, "top_k": sampling.top_k or -1, "min_p": sampling.min_p, "top_p": sampling.top_p,
        }  # fmt: skip
        return {
            "max_tokens": sampling.max_new_tokens, "temperature": sampling.temperature,
            **self.ending(),
            **{name: value for name, value in optional.items() if name in taken},
        }  # fmt: skip

    def ending(self) -> dict[str, Any]:
        """The stop sequences of a request. A thought may contain a question, so thinking models get no "\\nQ:"."""
        turn = [self.encoder.turn_end] if self.encoder.turn_end else []
        if self.encoder.thinks:
            return {"skip_special_tokens": False, **({"stop": turn} if turn else {})}
        return {"stop": [STOP, *turn]}

    def prompt(self, request: Request) -> str | list[int]:
        """The prompt as text without the BOS token, which the server adds.

        Token ids are sent if the question contains control tokens, since the server would not encode them as text.
        """
        encoder, parts = self.encoder, self.encoder.prompt_parts(request.prompt)
        if self.ids or len(encoder.pieces(parts)) > 1:
            return encoder.prompts([request.prompt])[0]
        text = "".join(part.text for part in parts)
        return text.removeprefix(encoder.tokenizer.decode(encoder.opening))

    def text(self, completion: Completion) -> str:
        """The text to store for a path."""
        return self.encoder.path(self.encoder.frame.opened + completion.text)

    def close(self) -> None:
        """Cancels waiting requests; no new request is sent."""
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.fleet.close()


def check_prompt(reply: Reply, question_id: str, tokens: int, n: int) -> None:
    """Raises ServerError if the server and training count different numbers of tokens in a prompt."""
    seen = reply.prompt_tokens
    # Some servers do not count cached tokens, and some count the prompt once for each of the n choices.
    if seen is None or tokens in (seen, seen + reply.cached_tokens) or seen == n * tokens:
        return
    raise ServerError(
        f"{reply.url} counts {seen} tokens in the prompt of question {question_id}, but training counts {tokens}: "
        "the server has a different model, cuts long prompts or puts them into a template, or engine.chat is wrong"
    )


def seed_of(seed: int, question_id: str, path: int) -> int:
    """The seed of a path: 31 bits, which every server accepts; paths of a question have consecutive seeds."""
    content = f"{seed} {question_id}".encode()
    return (int.from_bytes(hashlib.blake2b(content, digest_size=4).digest(), "big") >> 2) + path


def all_alike(table: pl.DataFrame) -> bool:
    """Whether there are several questions with several paths each, and all paths of a question are identical."""
    texts = table.group_by("question_id", maintain_order=True).agg(
        pl.len(), pl.col("text").n_unique()
    )
    return bool(texts.height > 1 and (texts["len"] > 1).all() and (texts["text"] == 1).all())
