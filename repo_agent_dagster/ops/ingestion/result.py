"""What the ingestion of a source's day came to."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.store.log_ledger import LedgerEntry
from repo_agent_dagster.store.log_source_days import DayStatus

SHOWN_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class IngestionResult:
    """What a source's day came to.

    The counts are of the objects that the source holds now, also of those that were passed over: `rows` of the day in
    the table, `quarantined` broken lines, `redacted` secrets taken out, `duplicates` lines left out because the same
    record is there, `expired` objects that their provider has no more. `written` counts the rows this run wrote.
    `problems` tells why the day is not `complete`, and what to do; `is_transient`, that running it again may help.
    """

    source: str
    kind: LogKind
    day: date
    status: DayStatus
    problems: tuple[str, ...]
    is_transient: bool
    objects: int
    rows: int
    written: int
    skipped_objects: int
    quarantined: int
    redacted: int
    duplicates: int
    expired: int
    quarantine_paths: tuple[Path, ...]
    duration_seconds: float

    @property
    def problem(self) -> str | None:
        """The problems as one text, or None."""
        if not self.problems:
            return None
        more = len(self.problems) - SHOWN_PROBLEMS
        shown = "; ".join(self.problems[:SHOWN_PROBLEMS])
        return f"{shown}; and {more} more" if more > 0 else shown

    @property
    def quarantine_rate(self) -> float:
        """Which part of the day's lines is broken, from 0 to 1."""
        lines = self.rows + self.quarantined
        return self.quarantined / lines if lines else 0.0


@dataclass(frozen=True, slots=True)
class Ingested:
    """One object's part: its entry in the ledger, and whether this run wrote it."""

    entry: LedgerEntry
    is_written: bool
