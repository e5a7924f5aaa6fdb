"""Parameters of generated questions and exemplars."""

from typing import Literal, Self

from pydantic import Field, model_validator

from lmsi_kedro.params.base import Params, Share
from lmsi_kedro.params.sampling import SamplingParams


class QuestionGenerationParams(Params):
    """How new questions are generated from a few real ones (paper, section 3.3); counts are per task.

    policy names an entry of `confidence`: the lowest and highest allowed confidence of the vote.
    """

    seeds: int = Field(gt=0, description="real questions to start from")
    seeds_per_prompt: int = Field(gt=0)
    candidates: int = Field(gt=0)
    sampling: SamplingParams
    near_duplicate: Share = Field(description="Jaccard index of word trigrams")
    m: int = Field(gt=0, description="paths of the vote on a candidate")
    policy: Literal["confident", "band"]
    confidence: dict[Literal["confident", "band"], tuple[Share, Share]]
    seed: int = Field(ge=0)

    @property
    def bounds(self) -> tuple[float, float]:
        return self.confidence[self.policy]

    @model_validator(mode="after")
    def fits(self) -> Self:
        if self.seeds_per_prompt > self.seeds:
            raise ValueError(
                f"question_generation.seeds_per_prompt is {self.seeds_per_prompt}, but there are "
                f"only {self.seeds} seeds"
            )
        if self.policy not in self.confidence:
            raise ValueError(f"question_generation.confidence has no entry {self.policy}")
        return self


class ExemplarGenerationParams(Params):
    """How few-shot prompts are made from the model's own answers to the seeds (paper, section 3.3)."""

    sets: int = Field(
        gt=0, description="prompts per task, over which a question's paths are spread"
    )
    exemplars_per_set: int = Field(gt=0)
    seed: int = Field(ge=0)
