"""Counts the prompt tokens of a plan that are computed once for several paths."""

from lmsi_kedro.engines.architecture import attends_fully, text_config
from lmsi_kedro.engines.plan import Plan
from lmsi_kedro.tasks.encoding import Encoder, alike


def measure_sharing(plan: Plan) -> dict[str, int]:
    """Counts the prompt tokens of all paths, and how many of them are computed, for the report.

    The common prefix of a chunk's prompts is computed once, and so is the rest of each prompt. The result is empty
    where this is unknown: for servers, with early stopping, and for models that the prefix tree does not support.
    """
    engine = plan.engine
    if engine.is_served or plan.early_stop:
        return {}
    if not attends_fully(text_config(plan.model, engine.trust_remote_code)):
        return {}
    encoder = Encoder.of(plan.model, engine.conversation, engine.trust_remote_code)
    prompts = list({r.prompt for chunk in plan.chunks.values() for r in chunk.requests})
    lengths = dict(zip(prompts, map(len, encoder.prompts(prompts)), strict=True))
    total = computed = 0
    for chunk in plan.chunks.values():
        texts = [request.prompt for request in chunk.requests]
        # The first and the last prompt in sorted order have the shortest common prefix.
        shared = alike(encoder.prompts([min(texts), max(texts)]))
        computed += shared + sum(lengths[prompt] - shared for prompt in texts)
        total += sum(lengths[r.prompt] * len(r.paths) for r in chunk.requests)
    return {"prompt_tokens": total, "computed": computed}
