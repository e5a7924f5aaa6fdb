"""The error that ends a run because its parameters say so."""


class StoppedError(RuntimeError):
    """Ends a run on purpose: the message names the parameter, and everything that was computed is kept."""
