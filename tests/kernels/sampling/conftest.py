"""Runs a test with every implementation that this machine supports."""

import pytest

from tests.kernels.sampling.cases import ISAS, supported


@pytest.fixture(params=["reference", *ISAS])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name = str(request.param)
    if name == "reference":
        monkeypatch.setenv("LMSI_KERNELS", name)
    elif supported(name):
        monkeypatch.setenv("LMSI_ISA", name)
    else:
        pytest.skip(f"this machine has no {name}")
    return name
