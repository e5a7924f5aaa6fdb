"""What is measured of a model, and when a round is not promoted."""

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
# Those of every loop; `labeled` needs a warm start.
CONTROL_ARMS: tuple[Arm, ...] = get_args(Arm)[1:-1]


class ControlParams(Params):
    """The pipeline controls: which arms it trains beside the vote, and the untrained model's vote."""

    arms: list[Arm] = Field(min_length=1)
    most_paths: int = Field(
        gt=0, description="of the untrained model's vote, however many are affordable"
    )


class ReproductionParams(Params):
    """The pipeline reproduction: seeds of questions, and the tables that need more paths than the others."""

    seeds: list[int] = Field(min_length=1)
    temperatures: list[float] = Field(
        min_length=1, description="the first is that of the base model's vote"
    )
    paths: int = Field(gt=0, description="per question, of the figures of paths and temperature")
    questions: int = Field(gt=0, description="per in-domain task, of the same")


class EvaluationParams(Params):
    """What is measured before and after a round (paper, section 4)."""

    modes: list[Mode]
    greedy_questions: int = Field(gt=0, description="per task")
    voted_questions: int = Field(gt=0, description="per task")
    m: int = Field(gt=0)
    temperature: float = Field(gt=0)
    raised_temperature: float = Field(gt=0, description="of self_consistency_raised")
    max_new_tokens: Tokens | Auto
    label_precision: Share = Field(description="of votes; which confidence reaches it is reported")
    seed: int = Field(ge=0)


class MonitorParams(Params):
    """When a round counts as collapsed; every limit compares its model with the one before."""

    questions_per_task: int = Field(gt=0)
    m: int = Field(gt=0)
    min_winner_entropy: float = Field(ge=0, le=1, description="share of the entropy before")
    min_distinct_paths: float = Field(ge=0, le=1, description="share of the share before")
    min_length: float = Field(ge=0, le=1, description="share of the tokens per path before")
    max_length: float = Field(ge=1, description="multiple of the tokens per path before")
    max_agreement_rise: float = Field(ge=0, le=1, description="while the winners' entropy falls")
    max_unreadable_rise: float = Field(ge=0, le=1, description="in shares of all paths")
    max_accuracy_fall: float = Field(ge=0, le=1, description="on the probe; guard=probe only")
    max_support_fall: float = Field(ge=0, le=1, description="the whole interval beyond it")
    later_rounds_must_gain: bool = Field(description="refuse a doubted round: docs/metrics.md")
    on_alarm: Literal["roll_back", "stop"]


class HeadroomParams(Params):
    """What is measured before training, and whether a run goes on where nothing can be gained."""

    enabled: bool = Field(description="in every run, after the votes of round 1")
    questions_per_task: int = Field(gt=0, description="that get a greedy path; of the probe, too")
    probe: bool = Field(description="also reads labels of the probe split")
    stop: bool = Field(description="no training unless the vote is shown to know more")

    @property
    def in_loop(self) -> bool:
        return self.enabled or self.stop
