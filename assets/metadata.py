"""How numbers become what people look at in the Dagster UI: Markdown tables and small text charts."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

_BARS = "▁▂▃▄▅▆▇█"


def markdown_table(rows: Sequence[Mapping[Any, Any]], *, limit: int = 20) -> dg.MarkdownMetadataValue:
    """Render rows as a Markdown table; the columns are the first row's keys, and a cut is said."""
    if not rows:
        return dg.MetadataValue.md("*nothing*")
    columns = list(rows[0])
    lines = ["| " + " | ".join(map(str, columns)) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(_cell(row[column]) for column in columns) + " |" for row in rows[:limit]]
    if len(rows) > limit:
        lines.append(f"\n*… and {len(rows) - limit} more*")
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value).replace("|", "\\|").replace("\n", " ")


def sparkline(values: Sequence[float]) -> str:
    """Return one bar character for each value, scaled to the largest; empty for no values."""
    top = max(values, default=0)
    if top <= 0:
        return _BARS[0] * len(values)
    return "".join(_BARS[round(value / top * (len(_BARS) - 1))] for value in values)


def picture(svg: str, what: str) -> dg.MarkdownMetadataValue:
    """Return a drawing that the UI shows inline; `what` is told where it cannot be seen."""
    return dg.MetadataValue.md(f"![{what}](data:image/svg+xml;base64,{b64encode(svg.encode()).decode()})")
