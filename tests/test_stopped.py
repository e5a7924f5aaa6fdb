"""A run that ends on purpose is reported in one line, without a traceback."""

from lmsi_kedro.commands.mistakes import is_mistake, one_line
from lmsi_kedro.stopped import StoppedError


def test_intended_end_is_one_plain_line() -> None:
    error = StoppedError("headroom.stop ended the run")
    assert is_mistake(error)
    assert one_line(error) == "lmsi: headroom.stop ended the run"
