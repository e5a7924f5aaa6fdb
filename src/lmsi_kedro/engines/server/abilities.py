"""Finds out which features a server supports, before the first path is sampled."""

import logging
from collections.abc import Callable
from typing import Any

from lmsi_kedro.engines.server.faults import RefusedError, ServerError
from lmsi_kedro.engines.server.reply import Reply
from lmsi_kedro.params import Sampling

log = logging.getLogger(__name__)
# Request fields that some servers reject, each with a neutral value (TGI rejects even top_p = 1). The fields
# after n override values that vLLM and SGLang read from the model's generation_config.json; that of Qwen2.5, for
# example, has a repetition penalty of 1.05.
OPTIONAL: dict[str, Any] = {
    "seed": 1, "logprobs": 1, "n": 2, "top_k": -1, "min_p": 0.0, "top_p": 1.0, "repetition_penalty": 1.0,
    "presence_penalty": 0.0, "frequency_penalty": 0.0,
}  # fmt: skip
# Values of the filters that leave only the most likely token.
STRICTEST: dict[str, Any] = {"top_k": 1, "min_p": 1.0, "top_p": 1e-6}
# A length and a temperature at which two samples are not equal by chance.
HOT: dict[str, Any] = {"max_tokens": 16, "temperature": 1.5}

Ask = Callable[..., Reply]


def abilities(ask: Ask, sampling: Sampling) -> frozenset[str]:
    """The optional request fields that a server supports; `ask(**fields)` sends one request.

    ServerError if the server rejects or ignores a filter that `sampling` sets.
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
    log.info(
        "features of the server: %s; it generates its own random numbers, see docs/servers.md",
        found,
    )
    return frozenset(taken)


def takes(ask: Ask, name: str, taken: dict[str, Any]) -> bool:
    """Whether the server accepts a field; for n and logprobs, also whether it has an effect."""
    hot = {**HOT, **{seed: 1 for seed in taken if seed == "seed"}} if name == "n" else {}
    try:
        reply = ask(**hot, **{name: OPTIONAL[name]})
    except ServerError as error:
        # Older versions of llama.cpp answer 5xx if n is given.
        if isinstance(error, RefusedError) or (error.status or 0) >= 500:
            return False
        raise
    if name == "n":
        # SGLang may use the same seed for all choices of a request, so that they are identical.
        return len({one.text for one in reply.completions.values()}) == 2
    if name == "logprobs":
        return all(one.logprob is not None for one in reply.completions.values())
    return True


def obeys(ask: Ask, name: str, seeded: bool) -> bool:
    """Whether a filter that keeps only the most likely token gives the same text twice (Ollama ignores top_k)."""
    seeds: list[dict[str, Any]] = [{"seed": 1}, {"seed": 2}] if seeded else [{}, {}]
    try:
        replies = [ask(**HOT, **{name: STRICTEST[name]}, **seed) for seed in seeds]
    except RefusedError:
        return True  # the server rejects this value, so it does not ignore the field
    return len({one.text for reply in replies for one in reply.completions.values()}) == 1
