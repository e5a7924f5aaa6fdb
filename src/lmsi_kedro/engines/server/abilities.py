"""Finds out what a server can do, before the first path is drawn."""

import logging
from collections.abc import Callable
from typing import Any

from lmsi_kedro.engines.server.faults import RefusedError, ServerError
from lmsi_kedro.engines.server.reply import Reply
from lmsi_kedro.params import Sampling

log = logging.getLogger(__name__)
# Fields that some servers refuse (TGI a top_p of 1), and a harmless value. Those from top_k on switch off what
# vLLM and SGLang otherwise take from the model's generation_config.json, such as Qwen2.5's penalty of 1.05.
OPTIONAL: dict[str, Any] = {
    "seed": 1, "logprobs": 1, "n": 2, "top_k": -1, "min_p": 0.0, "top_p": 1.0, "repetition_penalty": 1.0,
    "presence_penalty": 0.0, "frequency_penalty": 0.0,
}  # fmt: skip
# With these values only the likeliest token is left.
STRICTEST: dict[str, Any] = {"top_k": 1, "min_p": 1.0, "top_p": 1e-6}
# So long and so hot that two draws do not give the same text by chance.
HOT: dict[str, Any] = {"max_tokens": 16, "temperature": 1.5}

Ask = Callable[..., Reply]


def abilities(ask: Ask, sampling: Sampling) -> frozenset[str]:
    """The optional fields that a server takes; `ask(**fields)` sends it one request.

    ServerError if it refuses or ignores a filter that the sampling sets.
    """
    taken: dict[str, Any] = {}
    for name, value in OPTIONAL.items():
        if takes(ask, name, taken):
            taken[name] = value
    for name in STRICTEST:
        if getattr(sampling, name) != Sampling.model_fields[name].default:
            if name not in taken and name != "top_p":
                raise ServerError(f"the server refuses {name}, which paths.sampling sets")
            if not obeys(ask, name, "seed" in taken):
                raise ServerError(f"the server ignores {name}, which paths.sampling sets")
    found = ", ".join(f"{name} {'yes' if name in taken else 'no'}" for name in OPTIONAL)
    log.info("the server takes %s; its draws are its own: docs/servers.md", found)
    return frozenset(taken)


def takes(ask: Ask, name: str, taken: dict[str, Any]) -> bool:
    """Whether a field is not refused; and whether n and logprobs are not ignored."""
    hot = {**HOT, **{seed: 1 for seed in taken if seed == "seed"}} if name == "n" else {}
    try:
        reply = ask(**hot, **{name: OPTIONAL[name]})
    except ServerError as error:
        if isinstance(error, RefusedError) or (error.status or 0) >= 500:  # so older llama.cpp to n
            return False
        raise
    if (
        name == "n"
    ):  # SGLang may give all choices of a request the same seed, so that they are copies
        return len({one.text for one in reply.drawn.values()}) == 2
    if name == "logprobs":
        return all(one.logprob is not None for one in reply.drawn.values())
    return True


def obeys(ask: Ask, name: str, seeded: bool) -> bool:
    """Whether a filter that leaves only the likeliest token gives the same text twice (Ollama ignores top_k)."""
    seeds: list[dict[str, Any]] = [{"seed": 1}, {"seed": 2}] if seeded else [{}, {}]
    try:
        replies = [ask(**HOT, **{name: STRICTEST[name]}, **seed) for seed in seeds]
    except RefusedError:
        return True  # a value so strict, by a server that has read it
    return len({one.text for reply in replies for one in reply.drawn.values()}) == 1
