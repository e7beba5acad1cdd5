"""A chart before it is drawn: its kind and its rows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import TypeAlias

from repo_agent_dagster.pages.visible_text import visible

Row: TypeAlias = Mapping[str, str | int | float]
"""One mark's data. Instants are milliseconds since 1970, UTC: what Vega reads without parsing."""

MAX_LABEL = 80
"""Characters of a name that are drawn; a table beside the chart tells it whole."""

_UNDRAWABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class ChartKind(StrEnum):
    """How rows are drawn; one spec each."""

    DAYS = "days"
    GROUPS = "groups"
    OPERATIONS = "operations"
    TIMELINE = "timeline"


@dataclass(frozen=True)
class Chart:
    """Rows to draw, by the name that the spec gives its data. `says` tells the chart in one sentence."""

    kind: ChartKind
    title: str
    says: str
    data: Mapping[str, Sequence[Row]]

    @property
    def is_empty(self) -> bool:
        """There is nothing to draw."""
        return not any(self.data.values())


def milliseconds(at: datetime | date) -> int:
    """Return the instant, or the beginning of the UTC day, as Vega counts time."""
    instant = at if isinstance(at, datetime) else datetime.combine(at, time(), tzinfo=UTC)
    return round(instant.timestamp() * 1000)


def drawable(text: str, limit: int) -> str:
    """Return the text in one line of at most `limit` characters, all of which XML knows and readers see."""
    line = _UNDRAWABLE.sub("\N{REPLACEMENT CHARACTER}", visible(" ".join(text[: 4 * limit].split())))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def labels(names: Sequence[str | None], *, missing: str = "(none)") -> list[str]:
    """Return names short enough to draw, each different from the others, so that no two groups become one."""
    seen: dict[str, int] = {}
    drawn = []
    for name in names:
        text = missing if name is None or not name.strip() else drawable(name, MAX_LABEL)
        seen[text] = seen.get(text, 0) + 1
        drawn.append(text if seen[text] == 1 else f"{text} ({seen[text]})")
    return drawn
