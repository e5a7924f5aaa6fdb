"""Tests sample_tokens with extreme logits, and with bad input that it must reject with a clear message."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lmsi_kedro.kernels.sampling import reference, sample_tokens
from lmsi_kedro.kernels.sampling.rules import Rules
from tests.kernels.sampling.cases import PLANS, Sampling, counters_of, draw, logits_of


def test_transposed_logits_are_accepted(backend: str) -> None:
    logits = logits_of(20, 30)
    tokens = sample_tokens(np.asfortranarray(logits), Sampling(), counters_of(20))[0]
    np.testing.assert_array_equal(tokens, sample_tokens(logits, Sampling(), counters_of(20))[0])


def test_no_rows_give_no_tokens(backend: str) -> None:
    tokens, logprobs = sample_tokens(np.empty((0, 5), np.float32), Sampling(), counters_of(0))
    assert tokens.shape == logprobs.shape == (0,)


def test_huge_logits_do_not_overflow(backend: str) -> None:
    row = [3e38, -3e38, 3e38, 1e-40]
    assert set(draw(row, Sampling()).tolist()) == {0, 2}


def test_largest_random_number_selects_the_last_token(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The largest random number, 2**64 - 1, selects the last unit of the total weight, and not the one beyond it.
    rules = Rules.of(Sampling())
    assert reference.sample_token(np.array([0.0, 0.0, -np.inf]), rules, 2**64 - 1) == 1


@pytest.mark.parametrize("plan", [PLANS[0], PLANS[2], PLANS[8]], ids=str)
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0.0, np.nan], "row 2: logits hold NaN"),
        ([np.nan, np.inf], "row 2: logits hold NaN"),
        ([0.0, np.inf], "row 2: logits hold +inf"),
        ([-np.inf, -np.inf], "row 2: every logit is -inf"),
    ],
)
def test_bad_rows_are_named(backend: str, plan: Sampling, row: list[float], message: str) -> None:
    logits = np.zeros((4, 40), np.float32)
    logits[2:] = row * 20
    with pytest.raises(ValueError, match=message.replace("+", r"\+")):
        sample_tokens(logits, plan, counters_of(4))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_k": -1}, "top_k"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
        ({"min_p": -0.1}, "min_p"),
        ({"min_p": float("nan")}, "min_p"),
    ],
)
def test_bad_parameters_are_named(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sample_tokens(logits_of(1, 3), Sampling(**parameters), counters_of(1))


@pytest.mark.parametrize(
    ("logits", "counters", "message"),
    [
        (np.zeros((1, 3)), counters_of(1), "float32, not float64"),
        (torch.zeros(1, 3, dtype=torch.float16), counters_of(1), "float32 or bfloat16"),
        (np.zeros(3, np.float32), counters_of(1), "logits must be"),
        (np.zeros((1, 0), np.float32), counters_of(1), "logits must be"),
        (np.zeros((2, 3), np.float32), counters_of(1), r"counters must be \[rows, 4\] for 2"),
        (np.zeros((1, 3), np.float32), counters_of(1).astype(float), "uint64 or int64"),
    ],
)
def test_bad_shapes_and_types_are_named(logits: Any, counters: NDArray[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sample_tokens(logits, Sampling(), counters)


def test_an_unknown_instruction_set_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMSI_ISA", "avx1024")
    with pytest.raises(ValueError, match="LMSI_ISA=avx1024"):
        sample_tokens(logits_of(1, 3), Sampling(), counters_of(1))
