"""Failures and incidents for the tests of what is made of them."""

from datetime import UTC, datetime
from typing import Any

from repo_agent_dagster.contracts.logs import LogKind, LogLevel
from repo_agent_dagster.ops.analysis.model import Failure, Fingerprint, Incident, Line, Place

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def lines(text: str, first: int = 1) -> tuple[Line, ...]:
    """Numbered lines of a text."""
    return tuple(Line(number, one) for number, one in enumerate(text.splitlines(), first))


def failure(text: str = "", *, kind: LogKind = "build", level: str = "error", **fields: Any) -> Failure:
    """A failure of the text's lines; the first is its headline."""
    place = Place("build", "org/web", "CI", "test", "Run tests") if kind == "build" else Place("worker", "shop")
    for name in ("before", "after"):
        if isinstance(fields.get(name), str):
            fields[name] = lines(fields[name])
    values: dict[str, Any] = {
        "place": place,
        "source": "test",
        "level": LogLevel(level),
        "headline": text.split("\n", 1)[0],
        "lines": lines(text, 10),
        "ts": NOON,
    }
    return Failure(**values | fields)


def incident(*failures: Failure, **fields: Any) -> Incident:
    """The incident of some failures, seen as often as there are."""
    first = failures[0]
    values: dict[str, Any] = {
        "fingerprint": Fingerprint("ab" * 32),
        "place": first.place,
        "source": first.source,
        "level": first.level,
        "template": first.headline,
        "count": len(failures),
        "first_seen": NOON,
        "last_seen": NOON,
        "failures": list(failures),
        "run_count": 1,
        "outcomes": {one.meta["outcome"] for one in failures if "outcome" in one.meta},
    }
    return Incident(**values | fields)
