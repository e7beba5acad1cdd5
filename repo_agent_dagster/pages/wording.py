"""How counts, instants and names are written for people."""

from datetime import datetime, timedelta


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun, e.g. ``1 patch`` and ``2 patches``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def words(name: str) -> str:
    """Return a state's name in words, e.g. ``rolled back`` for ``rolled_back``."""
    return name.replace("_", " ")


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
    return _length(max((end - start) / timedelta(seconds=1), 0.0))


def latency(seconds: float | None) -> str:
    """Return seconds in the unit that fits, e.g. ``12 ms``, ``4.2 s`` or ``3 min 20 s``; a dash when there are none."""
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else _length(seconds)


def _length(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
