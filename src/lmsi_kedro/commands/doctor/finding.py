"""The result of a check."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The result of a check. The remedy is None if the check passed, and empty if `result` says what to do."""

    name: str
    result: str
    remedy: str | None = None

    @property
    def is_well(self) -> bool:
        return self.remedy is None

    def __str__(self) -> str:
        state = "ok  " if self.is_well else "FAIL"
        advice = f"\n      -> {self.remedy}" if self.remedy else ""
        return f"{state}  {self.name}: {self.result}{advice}"
