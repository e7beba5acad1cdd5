"""Parts of a Markdown text, and which of them stay when there is no room for all."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from repo_agent_dagster.contracts.reports import PatchCounts
from repo_agent_dagster.pages.markdown_text import inline, table
from repo_agent_dagster.reports.wording import plural, short_rate

MAX_ROWS = 100
"""Rows of one table: what a reader of a comment looks through. The report's JSON has all of them."""

MAX_TEXT = 4000
"""Characters of one reason or prompt."""

RowT = TypeVar("RowT")

COUNT_HEADERS = ("patches", "ok", "failed", "unchecked", "reverted", "success rate")


@dataclass(frozen=True)
class Block:
    """A part of a section that stays or goes whole. Details go first; `name` is what a note of it says."""

    name: str
    text: str
    is_detail: bool = False


@dataclass(frozen=True)
class Section:
    """A heading with what stands under it; without anything under it, it is left out."""

    title: str
    blocks: Sequence[Block]


def joined(sections: Sequence[Section], *, max_characters: int | None = None) -> str:
    """Return the sections as one text of at most `max_characters`; what had no room is named at its end.

    What matters is kept first, from the top; then details, from the top.
    """
    blocks = [block for section in sections for block in section.blocks]
    if max_characters is None:
        return _text(sections, blocks, left_out=())
    kept: list[Block] = []
    # Each name in the note and each heading takes room, too; counting them once for all is simple and on the safe side.
    used = sum(len(section.title) + 2 for section in sections) + len(_note(blocks)) + 4
    for block in (*(b for b in blocks if not b.is_detail), *(b for b in blocks if b.is_detail)):
        if used + len(block.text) + 2 <= max_characters:
            kept.append(block)
            used += len(block.text) + 2
    return _text(sections, kept, left_out=[block for block in blocks if block not in kept])


def count_cells(counts: PatchCounts) -> list[str]:
    """Return the cells under `COUNT_HEADERS`."""
    numbers = (counts.total, counts.ok, counts.failed, counts.unchecked, counts.reverted)
    return [*(f"{number:,}" for number in numbers), short_rate(counts)]


def counted_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose last columns are those of `COUNT_HEADERS`."""
    width = len(headers) + len(COUNT_HEADERS)
    return bounded_table([*headers, *COUNT_HEADERS], rows, numbers=frozenset(range(len(headers), width)))


def bounded_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Iterable[int] = (), of: int | None = None
) -> str:
    """Return a table of at most `MAX_ROWS` rows, and under it how many more there are; `of` so many if not of these."""
    shown = [list(row) for row in rows[:MAX_ROWS]]
    text = table(list(headers), shown, numbers=frozenset(numbers))
    left_out = (len(rows) if of is None else of) - len(shown)
    return f"{text}\n\n{plural(left_out, 'row')} more in the report's JSON." if left_out > 0 else text


def failed_first(rows: Sequence[RowT], *, is_failed: Callable[[RowT], bool]) -> Sequence[RowT]:
    """Return the rows of a table as they are, or if not all of them are shown, with the failed ones in front."""
    return rows if len(rows) <= MAX_ROWS else sorted(rows, key=lambda row: not is_failed(row))[:MAX_ROWS]


def folded(summary: str, text: str) -> str:
    """Return Markdown that is shown when its summary, a plain text of ours, is clicked."""
    return f"<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>"


def named(phase: str | None) -> str:
    """Return a phase's name for a table."""
    return "(no phase)" if phase is None else inline(shortened(phase))


def shortened(text: str, limit: int = 300) -> str:
    """Return a text of at most `limit` characters; a cut shows."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _text(sections: Sequence[Section], kept: Sequence[Block], *, left_out: Sequence[Block]) -> str:
    stays = {id(block) for block in kept}
    parts = []
    for section in sections:
        texts = [block.text for block in section.blocks if id(block) in stays]
        if texts:
            parts += [section.title, *texts]
    if left_out:
        parts.append(_note(left_out))
    return "\n\n".join(parts) + "\n"


def _note(left_out: Sequence[Block]) -> str:
    names = ", ".join(dict.fromkeys(block.name for block in left_out))
    return f"_Left out here for room: {names}. The report's page and its JSON have everything._"
