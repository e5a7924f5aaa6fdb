"""Parameters of evaluation, control arms, reproduction, collapse monitor and headroom."""

from typing import Literal, get_args

from pydantic import Field

from lmsi_kedro.params.base import Params, Share
from lmsi_kedro.params.sizes import Auto, Tokens

Mode = Literal[
    "standard", "cot_greedy", "self_consistency", "self_consistency_raised", "zero_shot_direct",
    "zero_shot_cot",
]  # fmt: skip
Guard = Literal["none", "probe"]
Arm = Literal["vote", "random", "shuffled", "gold", "direct_only", "few_shot_cot_only", "labeled"]
# The arms that any loop can train; `labeled` needs a warm start.
CONTROL_ARMS: tuple[Arm, ...] = get_args(Arm)[1:-1]


class ControlParams(Params):
    """The arms that the pipeline `controls` trains in addition to the vote, and the untrained model's vote."""

    arms: list[Arm] = Field(min_length=1)
    most_paths: int = Field(
        gt=0, description="limit for the untrained model's vote, even if more are affordable"
    )


class ReproductionParams(Params):
    """Parameters of the pipeline reproduction: question seeds, and settings of tables that need more paths."""

    seeds: list[int] = Field(min_length=1)
    temperatures: list[float] = Field(
        min_length=1, description="the base model votes at the first one"
    )
    paths: int = Field(gt=0, description="per question, in the figures on paths and temperature")
    questions: int = Field(gt=0, description="per in-domain task, in the same figures")


class EvaluationParams(Params):
    """What is measured before and after a round (paper, section 4)."""

    modes: list[Mode]
    greedy_questions: int = Field(gt=0, description="per task")
    voted_questions: int = Field(gt=0, description="per task")
    m: int = Field(gt=0)
    temperature: float = Field(gt=0)
    raised_temperature: float = Field(gt=0, description="temperature of self_consistency_raised")
    max_new_tokens: Tokens | Auto
    label_precision: Share = Field(
        description="wanted precision of votes; the report states the confidence that reaches it"
    )
    seed: int = Field(ge=0)


class MonitorParams(Params):
    """Limits beyond which a round counts as collapsed; each compares its model with the previous one."""

    questions_per_task: int = Field(gt=0)
    m: int = Field(gt=0)
    min_winner_entropy: float = Field(ge=0, le=1, description="relative to the previous model")
    min_distinct_paths: float = Field(ge=0, le=1, description="relative to the previous model")
    min_length: float = Field(
        ge=0, le=1, description="tokens per path, relative to the previous model"
    )
    max_length: float = Field(ge=1, description="tokens per path, relative to the previous model")
    max_agreement_rise: float = Field(
        ge=0, le=1, description="counts only while the winners' entropy falls"
    )
    max_unreadable_rise: float = Field(ge=0, le=1, description="as a share of all paths")
    max_accuracy_fall: float = Field(ge=0, le=1, description="on the probe; guard=probe only")
    max_support_fall: float = Field(
        ge=0, le=1, description="an alarm if the whole interval exceeds it"
    )
    later_rounds_must_gain: bool = Field(description="do not promote a later round without gain")
    on_alarm: Literal["roll_back", "stop"]


class HeadroomParams(Params):
    """The measurement before training, and whether a run stops if it shows no possible gain."""

    enabled: bool = Field(description="measure in every run, after the votes of round 1")
    questions_per_task: int = Field(
        gt=0, description="that get a greedy path, also in the probe split"
    )
    probe: bool = Field(description="also uses labels of the probe split")
    stop: bool = Field(description="no training unless the vote is shown to be more accurate")

    @property
    def in_loop(self) -> bool:
        return self.enabled or self.stop
