"""The values chosen for `auto` are logged once, before anything is sampled."""

from dataclasses import dataclass
from importlib.util import find_spec

import pytest

from lmsi_kedro.params import EvaluationParams, PathParams, SamplingParams, TrainingParams
from lmsi_kedro.pipelines.preparation import choices as module
from lmsi_kedro.pipelines.preparation.choices import choices
from tests.training.jobs import PARAMS

AUTO = {"steps": "auto", "learning_rate": "auto", "lora": "auto", "precision": "auto"}
SAMPLING = SamplingParams(temperature=0.7, max_new_tokens="auto", seed=1)
PATHS = PathParams(m=2, questions_per_task=5, sampling=SAMPLING)
EVALUATION = EvaluationParams(
    modes=["cot_greedy"], greedy_questions=5, voted_questions=5, m=2,
    temperature=0.7, raised_temperature=1.2, label_precision=0.9, max_new_tokens=64, seed=1,
)  # fmt: skip


@dataclass(frozen=True)
class Sized:
    parameters: int


def test_choices_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Only parameters that are not given are listed."""
    with caplog.at_level("INFO"):
        chosen = choices(Sized(134_500_000), PATHS, EVALUATION, TrainingParams(**PARAMS | AUTO))
    assert chosen == {
        "paths.sampling.max_new_tokens": 256,
        "training.steps": "by the number of examples",
        "training.learning_rate": 1e-4,
        "training.lora": None,
    }
    assert (
        "Chosen for a model of 134.5 M parameters: paths.sampling.max_new_tokens 256, training.steps by the number"
    ) in caplog.text


def test_given_values_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    paths = PATHS.model_copy(update={"sampling": SAMPLING.of(Sized(1))})
    with caplog.at_level("INFO"):
        assert choices(Sized(1), paths, EVALUATION, TrainingParams(**PARAMS)) == {}
    assert not caplog.text


def test_adapters_without_their_package_are_refused_before_sampling(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large, training = Sized(8 * 10**9), TrainingParams(**PARAMS | AUTO)
    assert find_spec("peft")
    assert choices(large, PATHS, EVALUATION, training)["training.lora"]["rank"] == 16
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(
        ValueError, match=r"needs PEFT: pip install 'lmsi-kedro\[lora\]'.*lora=null"
    ):
        choices(large, PATHS, EVALUATION, training)
    choices(large, PATHS, EVALUATION, training.model_copy(update={"lora": None}))
