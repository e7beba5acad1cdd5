"""Which exception is derived from which, by name: Python's own, some of its library, and the repository's. Pure."""

import builtins
from collections.abc import Mapping

_USUAL_BASES = {
    "JSONDecodeError": "ValueError",
    "InvalidOperation": "ArithmeticError",
    "CalledProcessError": "SubprocessError",
    "TimeoutExpired": "SubprocessError",
    "CancelledError": "BaseException",
}


def is_a(name: str, wanted: str, bases: Mapping[str, frozenset[str]]) -> bool:
    """Whether a class is, by its name, the wanted one or derived from it; `bases` are those of the repository."""
    pending, known = [name], set()
    while pending:
        one = pending.pop()
        if one == wanted:
            return True
        if one in known:
            continue
        known.add(one)
        pending += bases.get(one, ())
        if one in _USUAL_BASES:
            pending.append(_USUAL_BASES[one])
        builtin = getattr(builtins, one, None)
        if isinstance(builtin, type) and issubclass(builtin, BaseException):
            # IOError is OSError by another name: the class itself counts, however it is called.
            if getattr(builtins, wanted, None) is builtin:
                return True
            pending += [base.__name__ for base in builtin.__mro__[1:-1]]
    return False


def exceptions_of(bases: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the repository's own exceptions."""
    return frozenset(name for name in bases if is_a(name, "BaseException", bases))
