"""What a watch remembers between two looks, as JSON: small, since Dagster writes it down with every tick."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from repo_agent_dagster.migration.units.watching import Watched

REASON_LENGTH = 300
"""Of a broken manifest's reason so much is remembered; the whole was told, and is on record."""

_LONG_AGO = datetime.fromtimestamp(0, UTC)
_BY_NAME = TypeAdapter(dict[str, Any])
_WATCHED = TypeAdapter(Watched)


def to_json(watched: Mapping[str, Watched]) -> dict[str, Any]:
    """Return what to remember, by unit; of a unit that was handed on, its digest alone."""
    return {name: _compact(name, one) for name, one in sorted(watched.items())}


def from_json(remembered: Any) -> dict[str, Watched]:
    """Return what was remembered.

    Raises:
        ValueError: it is not what `to_json` makes.
    """
    return {name: _whole(one) for name, one in _BY_NAME.validate_python(remembered).items()}


def _compact(name: str, one: Watched) -> str | dict[str, Any]:
    if one.state == "handed_on" and one.unit in ("", name):
        return one.digest
    told: dict[str, Any] = {"digest": one.digest, "since": int(one.since.timestamp()), "state": one.state}
    reason = one.reason[:REASON_LENGTH] if one.state == "broken" else one.reason
    given = {"reason": reason, "unit": one.unit, "after": list(one.after)}
    return told | {field: value for field, value in given.items() if value}


def _whole(one: Any) -> Watched:
    if isinstance(one, str):
        return Watched(one, _LONG_AGO, "handed_on")
    return _WATCHED.validate_python(one)
