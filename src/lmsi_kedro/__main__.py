"""Runs the `lmsi` command as `python -m lmsi_kedro`."""

import sys

from lmsi_kedro.commands import main

sys.exit(main())
