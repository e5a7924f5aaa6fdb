"""Parameters of voting and mixing."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from lmsi_kedro.params.base import Params, Share, of_round
from lmsi_kedro.params.servers import ReaderParams

Format = Literal["few_shot_cot", "few_shot_direct", "zero_shot_cot", "zero_shot_direct"]
Weight = Literal["none", "confidence", "margin"]


class VotingParams(Params):
    """How answers are parsed and winners kept (paper, section 3.1).

    A question's winner is kept if its confidence is in [min_confidence, max_confidence] and its margin, which is
    its share of the paths minus that of the second answer, is at least min_margin. min_confidence may be a list
    with one value per round; the last one applies to all later rounds. reader: the chat endpoint that extracts
    answers which no rule can parse.
    """

    rule: Literal["trigger", "trigger_or_last"]
    ties: Literal["abstain", "logprob"]
    min_confidence: Share | list[Share]
    max_confidence: Share
    min_margin: Share = 0.0
    max_paths_per_question: int | None = Field(gt=0, description="null keeps all that agree")
    seed: int = Field(ge=0)
    reader: ReaderParams | None = None

    def threshold(self, round_number: int) -> float:
        """Returns the min_confidence of a round, counted from 1."""
        if isinstance(self.min_confidence, list):
            return of_round(self.min_confidence, round_number)
        return self.min_confidence

    @field_validator("min_confidence")
    @classmethod
    def not_empty(cls, value: float | list[float]) -> float | list[float]:
        if value == []:
            raise ValueError("voting.min_confidence is an empty list; give one value per round")
        return value


class MixingParams(Params):
    """How kept paths become training examples (paper, section 3.2 and table 1).

    parts: the part of each format in the mixture; 0 leaves a format out. balance: none weights every example by
    its format's part; rows and tokens also compensate for formats with fewer examples or shorter targets.
    direct: the k paths of a question give k identical direct examples; once keeps one, weight keeps one with
    weight k, copies keeps all. exemplars: exemplars in training prompts may be shuffled or dropped at random.
    weight: how much an example counts in the loss: 1 (none), or the confidence or margin of the vote on its
    question.
    """

    parts: dict[Format, Annotated[float, Field(ge=0)]]
    balance: Literal["none", "rows", "tokens"]
    direct: Literal["once", "weight", "copies"]
    exemplars: Literal["same", "shuffled", "dropped"]
    weight: Weight = "none"
    seed: int = Field(ge=0)

    @property
    def formats(self) -> list[Format]:
        return [prompt_format for prompt_format, part in self.parts.items() if part > 0]

    @model_validator(mode="after")
    def has_a_format(self) -> Self:
        if not self.formats:
            raise ValueError("mixing.parts: every part is 0, so there is nothing to train on")
        return self
