"""Compares our reading of completions with other readers', and keeps what they disagree on as test rows.

Other readers only ever comment: they never vote, and one that hangs is killed.
"""

from lmsi_kedro.audit.comparison import Audit, audit

__all__ = ["Audit", "audit"]
