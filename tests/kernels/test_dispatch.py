"""Tests that LMSI_KERNELS selects the same implementation for all kernels, and that load errors are reported."""

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lmsi_kedro.kernels import (
    attention,
    canonical_keys,
    count_votes,
    dispatch,
    read_answers,
    sample_tokens,
)
from lmsi_kedro.kernels.answers import reference_backend
from lmsi_kedro.kernels.sampling import reference as sampling_reference
from lmsi_kedro.kernels.votes import reference as votes_reference
from tests.kernels.sampling.cases import Sampling


@pytest.mark.parametrize(
    ("wanted", "cpu", "cuda"),
    [
        ("", "native", "triton"),
        ("native", "native", "triton"),
        ("reference", "reference", "reference"),
    ],
)
def test_variable_selects_one_implementation_for_all_kernels(
    wanted: str, cpu: str, cuda: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMSI_KERNELS", wanted)
    assert dispatch.implementation() == cpu
    assert dispatch.implementation("cuda") == cuda
    assert called_reference(monkeypatch) == (cpu == "reference")
    assert attention.implementation(torch.device("cpu"), torch.float32) is getattr(attention, cpu)


def test_an_unknown_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMSI_KERNELS", "fast")
    with pytest.raises(ValueError, match="native, reference or unset, not 'fast'"):
        count_votes(["a"], [0, 1])


def test_missing_build_falls_back_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, not_built: None, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("LMSI_KERNELS", raising=False)
    with caplog.at_level(logging.WARNING):
        assert called_reference(monkeypatch)
    assert [record.message for record in caplog.records] == [
        "The C++ kernels are not built, so the slow reference is used; build them: pip install --no-deps -e ."
    ]
    assert dispatch.implementation("cuda") == "triton"


def test_without_a_build_native_is_refused(
    monkeypatch: pytest.MonkeyPatch, not_built: None
) -> None:
    monkeypatch.setenv("LMSI_KERNELS", "native")
    with pytest.raises(ImportError, match="not built; build them: pip install"):
        count_votes(["a"], [0, 1])


BROKEN = """
import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import spec_from_file_location

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "lmsi_kedro.kernels._native":
            return spec_from_file_location(name, loader=ExtensionFileLoader(name, sys.argv[1]))

sys.meta_path.insert(0, Finder())
from lmsi_kedro.kernels import count_votes
print(count_votes(["a"], [0, 1]))
"""


def test_module_that_fails_to_load_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "_native.so").write_bytes(b"not a library")
    command = [sys.executable, "-c", BROKEN, str(tmp_path / "_native.so")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "ImportError" in done.stderr
    assert "_native.so" in done.stderr.splitlines()[-1]


@pytest.fixture
def not_built(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Simulates a checkout without the compiled module."""
    monkeypatch.setitem(sys.modules, dispatch.MODULE, None)
    dispatch.is_built.cache_clear()
    yield
    dispatch.is_built.cache_clear()


def called_reference(monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether answers, votes and sampling call their references; asserts that all of them do or none does."""
    calls: list[str] = []

    def counted(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            calls.append(name)
            return original(*arguments)

        return call

    for module, name in (
        (reference_backend, "read_answers"),
        (reference_backend, "canonical_keys"),
        (votes_reference, "count_votes"),
        (sampling_reference, "sample_tokens"),
    ):
        monkeypatch.setattr(module, name, counted(name, getattr(module, name)))
    assert read_answers(["The answer is 4."], "number")["key"].to_list() == ["num:4"]
    assert canonical_keys(["4"], "number").to_list() == ["num:4"]
    assert count_votes(["a", "a", "b"], [0, 3])["votes"].to_list() == [2]
    logits = np.array([[0.0, 9.0]], np.float32)
    tokens, _ = sample_tokens(logits, Sampling(0.0), np.zeros((1, 4), np.uint64))
    assert tokens.tolist() == [1]
    assert len(calls) in (0, 4)
    return len(calls) == 4
