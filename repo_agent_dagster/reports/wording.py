"""How numbers and instants are written in reports for people."""

from datetime import datetime, timedelta

from repo_agent_dagster.contracts.reports import PatchCounts

_VERDICTS = {
    "fixed": "fixed",
    "still_failing": "still failing",
    "regressed": "regressed",
    "not_reproduced": "not reproduced",
    "no_tests": "no tests",
    "timed_out": "timed out",
    "setup_failed": "set-up failed",
    "patch_rejected": "patch rejected",
}


def rate(counts: PatchCounts) -> str:
    """Return the success rate with its denominator, e.g. ``75.0 % (3 of 4 checked)``."""
    if counts.success_rate is None:
        return "no rate: nothing was checked"
    return f"{counts.success_rate:.1%} ({counts.ok} of {counts.checked} checked)".replace("%", " %")


def instant(at: datetime | None) -> str:
    """Return an instant to the second, in UTC."""
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def day(at: datetime | None) -> str:
    """Return an instant's UTC day."""
    return "–" if at is None else f"{at:%Y-%m-%d}"


def duration(start: datetime | None, end: datetime | None) -> str:
    """Return how long something took, e.g. ``2 d 4 h``, ``1 h 02 min``, ``3 min 20 s`` or ``4.2 s``."""
    if start is None or end is None:
        return "–"
    seconds = max((end - start) / timedelta(seconds=1), 0.0)
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def lines(added: int | None, removed: int | None) -> str:
    """Return added and removed lines, e.g. ``+12 −3``; ``?`` where it is not known."""
    return f"+{'?' if added is None else added} −{'?' if removed is None else removed}"


def verdict(name: str) -> str:
    """Return a validation's verdict in words."""
    return _VERDICTS.get(name, name.replace("_", " "))


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun, e.g. ``1 patch`` and ``2 patches``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
