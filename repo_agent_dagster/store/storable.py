"""Values that both databases keep alike: what PostgreSQL cannot keep is replaced, what does not fit is refused.

Loads nothing of SQLAlchemy, so that what only records custody need not either.
"""

import re
from collections.abc import Mapping
from typing import Any

from repo_agent_dagster.contracts.faults import PermanentFault

REPLACEMENT = "\ufffd"
_IS_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_UNSTORABLE = {0: REPLACEMENT} | dict.fromkeys(range(0xD800, 0xE000), REPLACEMENT)


class UnfitValueError(PermanentFault):
    """A value does not fit its column on one of the databases, so it is refused on both."""


def storable_text(text: str) -> str:
    """Return the text with U+FFFD for what PostgreSQL cannot keep: NUL and halves of surrogate pairs."""
    if (text.isascii() and "\0" not in text) or _IS_UNSTORABLE.search(text) is None:
        return text
    return text.translate(_UNSTORABLE)


def storable_json(value: Any) -> Any:
    """Return a JSON value with `storable_text` applied to every key and string in it."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, Mapping):
        return {storable_text(key): storable_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable_json(item) for item in value]
    return value


def refuse_longer(name: str, value: str, limit: int) -> None:
    """Refuse a text that is longer than its column: SQLite would take it, PostgreSQL would not.

    Raises:
        UnfitValueError: it is.
    """
    if len(value) > limit:
        raise UnfitValueError(f"{name} takes at most {limit} characters, not {len(value)}: {value[:60]!r}…; shorten it")
