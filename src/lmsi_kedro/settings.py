"""Kedro's settings of the project."""

import logging

from lmsi_kedro.datasets.this_run import Stopwatch
from lmsi_kedro.hooks import EndingHook, ShapeHook
from lmsi_kedro.printable import Printable
from lmsi_kedro.progress import ProgressHook
from lmsi_kedro.run_lock import RunLock
from lmsi_kedro.tracking import TrackingHook

# Here, as Kedro takes no classes of a project in conf/logging.yml.
for handler in logging.root.handlers:
    handler.addFilter(Printable())
# Called from the last to the first.
HOOKS = (ShapeHook(), RunLock(), TrackingHook(), EndingHook(), ProgressHook(), Stopwatch())
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)  # nothing is sent from here
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "base",
    "config_patterns": {"parameters": ["parameters*", "tasks*"]},
    # An environment overrides single values of a group, not the whole group.
    "merge_strategy": {"parameters": "soft"},
}
