"""`python -m lmsi_kedro` is `lmsi`."""

import sys

from lmsi_kedro.commands import main

sys.exit(main())
