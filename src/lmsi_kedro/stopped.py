"""The error with which a run ends where its parameters say that it should."""


class StoppedError(RuntimeError):
    """Ends a run on purpose: the message names the parameter, and everything computed is kept."""
