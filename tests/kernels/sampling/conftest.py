"""The implementations on this machine, each of which a test runs on."""

import pytest

from tests.kernels.sampling.cases import ISAS, supported


@pytest.fixture(params=["reference", *ISAS])
def backend(request, monkeypatch):
    if request.param == "reference":
        monkeypatch.setenv("LMSI_KERNELS", "reference")
    elif supported(request.param):
        monkeypatch.setenv("LMSI_ISA", request.param)
    else:
        pytest.skip(f"this machine has no {request.param}")
    return request.param
