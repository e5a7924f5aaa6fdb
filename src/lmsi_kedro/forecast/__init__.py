"""What a run will cost, from its configuration and a short measurement of its engine."""

from lmsi_kedro.forecast.cost import Cost, Measured, Work, cost_of
from lmsi_kedro.forecast.measurement import measure

__all__ = ["Cost", "Measured", "Work", "cost_of", "measure"]
