"""`auto` means measured values for the embedded models; for others it depends on size and number of examples."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from pydantic import ValidationError

from lmsi_kedro.datasets.model_directory import Model
from lmsi_kedro.params import (
    EvaluationParams,
    PathParams,
    Training,
    TrainingParams,
    WarmStartParams,
    tokens_for,
)
from lmsi_kedro.params.sizes import MOST_STEPS, steps_for

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Sized:
    parameters: int


def shipped(group: str) -> Any:
    """A group of parameters from conf/base."""
    files = sorted((ROOT / "conf" / "base").glob("parameters*.yml"))
    merged: Any = OmegaConf.merge(*(OmegaConf.load(file) for file in files))
    groups: Any = OmegaConf.to_container(merged)
    return groups[group]


@pytest.mark.parametrize("name", ["base", "base_small"])
def test_embedded_models_keep_their_measured_settings(name: str) -> None:
    """These settings do not depend on the number of examples; README and docs have figures for them only."""
    model = Model.at(ROOT / "data" / "06_models" / name)
    assert PathParams(**shipped("paths")).sampling_in(1, model).max_new_tokens == 96
    assert tokens_for(EvaluationParams(**shipped("evaluation")).max_new_tokens, model) == 96
    for examples in (1, 8_000, 10**7):
        training = TrainingParams(**shipped("training")).of(model, examples)
        assert (training.steps, training.learning_rate, training.lora) == (250, 3e-4, None)


@pytest.mark.parametrize(
    ("parameters", "tokens", "rate", "rank"),
    [
        (135e6, 256, 1e-4, None),
        (1.5e9, 256, 2e-5, None),
        (8e9, 256, 1e-4, 16),
        (70e9, 256, 1e-4, 16),
    ],
)
def test_larger_models_are_trained_by_their_size(
    parameters: float, tokens: int, rate: float, rank: int | None
) -> None:
    model = Sized(int(parameters))
    training = TrainingParams(**shipped("training")).of(model, 3_000)
    assert PathParams(**shipped("paths")).sampling.of(model).max_new_tokens == tokens
    assert training.learning_rate == pytest.approx(rate)
    assert (training.lora.rank if training.lora else None) == rank
    assert training.steps == 94
    assert training.gradient_checkpointing


def test_given_values_are_kept() -> None:
    given = {"steps": 7, "learning_rate": 1e-3, "lora": None, "gradient_checkpointing": False}
    training = TrainingParams(**shipped("training") | given).of(Sized(10**10), 3_000)
    assert training.model_dump() == TrainingParams(**shipped("training") | given).model_dump()
    assert training.of(Sized(1), 1) == training
    assert isinstance(training, Training)
    paths = shipped("paths")
    paths["sampling"] |= {"max_new_tokens": 9}
    assert PathParams(**paths | {"temperatures": [0.9]}).sampling_in(1, Sized(1)).model_dump() == {
        "temperature": 0.9, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "max_new_tokens": 9, "seed": 1,
    }  # fmt: skip


def test_adapters_get_a_higher_default_learning_rate() -> None:
    params = TrainingParams(**shipped("training") | {"lora": {"rank": 4}})
    assert params.of(Sized(135_000_000), 1).learning_rate == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("examples", "steps"),
    [(0, 5), (20, 5), (33, 10), (400, 60), (1_900, 60), (3_000, 94), (10**7, MOST_STEPS)],
)
def test_steps_default_to_one_or_few_epochs(examples: int, steps: int) -> None:
    assert steps_for(examples, 32) == steps


@pytest.mark.parametrize("wrong", [0, -1, "automatic", 1.5])
def test_values_other_than_auto_or_positive_are_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError, match="steps"):
        TrainingParams(**shipped("training") | {"steps": wrong})


def test_warm_start_overrides_only_the_given_settings() -> None:
    """The shipped settings override nothing; epochs are converted to steps with the number of examples."""
    training = TrainingParams(**shipped("training"))
    same = WarmStartParams(**shipped("warm_start_training"))
    assert same.of(training, 100) == training
    five = WarmStartParams(steps=None, epochs=5, learning_rate=1e-4, seed=7).of(training, 100)
    changed = {"steps": 16, "learning_rate": 1e-4, "seed": 7}  # 500 examples in batches of 32
    assert five.model_dump() == training.model_dump() | changed
    with pytest.raises(ValidationError, match="steps and epochs"):
        WarmStartParams(steps=3, epochs=5, learning_rate=None, seed=None)
