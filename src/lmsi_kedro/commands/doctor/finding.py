"""What a check found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What a check found, and what to do about it: None when all is well, empty when `said` tells already."""

    name: str
    said: str
    remedy: str | None = None

    @property
    def is_well(self) -> bool:
        return self.remedy is None

    def __str__(self) -> str:
        state = "ok  " if self.is_well else "FAIL"
        advice = f"\n      -> {self.remedy}" if self.remedy else ""
        return f"{state}  {self.name}: {self.said}{advice}"
