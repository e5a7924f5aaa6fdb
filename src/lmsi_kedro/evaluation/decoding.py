"""Defines how each evaluation mode samples, and the fingerprint that two compared models must share."""

import hashlib

from lmsi_kedro.params import EvaluationParams, Format, Mode, Sampling, Sized, tokens_for
from lmsi_kedro.tasks import Question, Task, render, usable
from lmsi_kedro.tasks.prompts import AS_IN_PAPER
from lmsi_kedro.tasks.questions import ExemplarSets

# Paper, section 4: standard prompting is few-shot without rationales.
FORMATS: dict[Mode, Format] = {
    "standard": "few_shot_direct",
    "cot_greedy": "few_shot_cot",
    "self_consistency": "few_shot_cot",
    "self_consistency_raised": "few_shot_cot",
    "zero_shot_direct": "zero_shot_direct",
    "zero_shot_cot": "zero_shot_cot",
}


def decoding(mode: Mode, evaluation: EvaluationParams, model: Sized) -> tuple[Sampling, int, int]:
    """Returns the sampling parameters of a mode, the paths per question, and the questions per task."""
    temperatures = {
        "self_consistency": evaluation.temperature,
        "self_consistency_raised": evaluation.raised_temperature,
    }
    voted = mode in temperatures
    sampling = Sampling(
        temperature=temperatures.get(mode, 0),
        max_new_tokens=tokens_for(evaluation.max_new_tokens, model),
        seed=evaluation.seed,
    )
    m, count = (evaluation.m, evaluation.voted_questions) if voted else (1, None)
    return sampling, m, count or evaluation.greedy_questions


def fingerprint(
    prompt_format: Format, sets: ExemplarSets, sampling: Sampling, m: int, task: Task = AS_IN_PAPER
) -> str:
    """Describes what two compared models must share: paths, decoding, and exemplars (as a digest)."""
    nothing = Question("")
    shown = "".join(
        render(usable(prompt_format, shots), nothing, shots, task) for shots in sets.values()
    )
    exemplars = hashlib.blake2b(shown.encode(), digest_size=4).hexdigest()
    settings = " ".join(f"{name}={value}" for name, value in sampling.model_dump().items())
    return f"m={m} {settings} exemplars={exemplars}"
