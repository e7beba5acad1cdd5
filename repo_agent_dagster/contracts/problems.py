"""What is wrong with an input, in one line that its sender can act on."""

from pydantic import ValidationError

_OWN_WORDS = "Value error, "


def describe(error: ValidationError) -> str:
    """Return every problem as ``place: what is wrong``, joined by ``; ``; the input itself is not repeated."""
    return "; ".join(f"{_place(problem['loc'])}{problem['msg'].removeprefix(_OWN_WORDS)}" for problem in error.errors())


def _place(location: tuple[int | str, ...]) -> str:
    """Return ``a.b[2].c: `` for a location inside the input, and nothing for the input as a whole."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return f"{path.removeprefix('.')}: " if path else ""
