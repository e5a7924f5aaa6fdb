"""Parameters of the collapse monitor, and the signals of a healthy model."""

from lmsi_kedro.params import MonitorParams

MONITOR = MonitorParams(
    questions_per_task=16, m=4, min_winner_entropy=0.5, min_distinct_paths=0.2, min_length=0.33,
    max_length=3.0, max_agreement_rise=0.2, max_unreadable_rise=0.2, max_accuracy_fall=0.05,
    max_support_fall=0.01, later_rounds_must_gain=True, on_alarm="roll_back",
)  # fmt: skip
HEALTHY = {
    "questions": 16, "agreement": 0.6, "winner_entropy": 3.0, "distinct_paths": 0.8,
    "tokens_per_path": 30.0, "unreadable": 0.1,
}  # fmt: skip
