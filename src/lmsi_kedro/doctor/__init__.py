"""Looks for what would stop a run, on this machine and in its configuration; each failure says what to do."""

from lmsi_kedro.doctor.configured import check_run, room
from lmsi_kedro.doctor.finding import Finding
from lmsi_kedro.doctor.machine import check_machine

__all__ = ["Finding", "check_machine", "check_run", "room"]
