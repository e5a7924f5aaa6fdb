"""Runs a test with every implementation that this machine supports."""

import pytest

from tests.kernels.instruction_sets import ISAS, select


@pytest.fixture(params=["reference", *ISAS])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name = str(request.param)
    if name == "reference":
        monkeypatch.setenv("LMSI_KERNELS", name)
    else:
        select(name, monkeypatch)
    return name
