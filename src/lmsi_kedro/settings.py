"""Kedro's settings of the project."""

from lmsi_kedro.hooks import RoundsHook

HOOKS = (RoundsHook(),)
# Kedro asks telemetry and viz plugins in too; none of them may change a run.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {"parameters": ["parameters*", "tasks*"]},
}
