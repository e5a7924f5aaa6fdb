"""Typed parameters: one frozen model per `params:` entry; Kedro builds them before any node runs.

An unknown or ill-typed field stops the run with an error that names it. Defaults are in conf/base/parameters*.yml,
each with its source. Parameters of the embedded world are in mini_world/params.py.
"""

from lmsi_kedro.params.base import Params, Share
from lmsi_kedro.params.evaluation import (
    CONTROL_ARMS,
    Arm,
    ControlParams,
    EvaluationParams,
    Guard,
    HeadroomParams,
    Mode,
    MonitorParams,
    ReproductionParams,
)
from lmsi_kedro.params.examples import Format, MixingParams, VotingParams, Weight
from lmsi_kedro.params.generation import ExemplarGenerationParams, QuestionGenerationParams
from lmsi_kedro.params.questions import PreparationParams, PublicTasksParams
from lmsi_kedro.params.sampling import (
    Conversation,
    EngineParams,
    PathParams,
    PromptParams,
    Sampling,
    SamplingParams,
)
from lmsi_kedro.params.servers import (
    EndpointParams,
    LaunchParams,
    ReaderParams,
    RequestParams,
    ServerParams,
)
from lmsi_kedro.params.sizes import Sized, tokens_for
from lmsi_kedro.params.training import (
    LoraParams,
    Objective,
    PreferenceParams,
    Training,
    TrainingParams,
    WarmStartParams,
)

__all__ = [
    "CONTROL_ARMS",
    "Arm",
    "ControlParams",
    "Conversation",
    "EndpointParams",
    "EngineParams",
    "EvaluationParams",
    "ExemplarGenerationParams",
    "Format",
    "Guard",
    "HeadroomParams",
    "LaunchParams",
    "LoraParams",
    "MixingParams",
    "Mode",
    "MonitorParams",
    "Objective",
    "Params",
    "PathParams",
    "PreferenceParams",
    "PreparationParams",
    "PromptParams",
    "PublicTasksParams",
    "QuestionGenerationParams",
    "ReaderParams",
    "ReproductionParams",
    "RequestParams",
    "Sampling",
    "SamplingParams",
    "ServerParams",
    "Share",
    "Sized",
    "Training",
    "TrainingParams",
    "VotingParams",
    "WarmStartParams",
    "Weight",
    "tokens_for",
]
