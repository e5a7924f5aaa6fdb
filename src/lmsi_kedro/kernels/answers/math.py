"""Placeholder."""


def math_key(surface: str) -> str | None:
    return "math:" + "".join(surface.split())
