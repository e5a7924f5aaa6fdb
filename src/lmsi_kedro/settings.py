"""Kedro's settings for the project."""

import logging

from lmsi_kedro.datasets.this_run import Stopwatch
from lmsi_kedro.hooks import EndingHook, ShapeHook
from lmsi_kedro.printable import Printable
from lmsi_kedro.progress import ProgressHook
from lmsi_kedro.run_lock import RunLock
from lmsi_kedro.tracking import TrackingHook

# Filters are added here, because conf/logging.yml cannot use classes of the project.
for handler in logging.root.handlers:
    handler.addFilter(Printable())
# Kedro calls hooks from the last to the first.
HOOKS = (ShapeHook(), RunLock(), TrackingHook(), EndingHook(), ProgressHook(), Stopwatch())
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)  # no telemetry
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "base",
    "config_patterns": {"parameters": ["parameters*", "tasks*"]},
    # An environment overrides single values of a group, not the whole group.
    "merge_strategy": {"parameters": "soft"},
}
