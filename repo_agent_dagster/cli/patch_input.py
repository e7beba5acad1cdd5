"""What `patchctl` is given: a batch as JSON, the texts that it names, and the store that keeps the record."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from pydantic import ValidationError

from repo_agent_dagster.contracts.custody import CustodyRefused, EventRow, RecordedPatch
from repo_agent_dagster.contracts.patches import PatchBatch, text_file, with_text
from repo_agent_dagster.contracts.spool import SpoolSegment, TakesSpools
from repo_agent_dagster.patching import InvalidPatch, MarkerPattern, SpoolCustody, Workspace

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.contracts.custody import Custody
    from repo_agent_dagster.contracts.workspaces import RegisteredWorkspace


def read_batch(source: str, options: dict[str, Any]) -> PatchBatch:
    """Read a batch from a JSON file (``-`` is stdin); options given on the command line win over what it says.

    Raises:
        InvalidPatch: it cannot be read, is not JSON, or is not a batch.
    """
    value = _json(_read(source), f"batch {source!r}")
    return batch_of({**value, **options} if isinstance(value, dict) else value)


def read_batches(source: str, options: dict[str, Any]) -> list[PatchBatch]:
    """Read batches from a file of JSON lines, one each; blank lines are passed over.

    Raises:
        InvalidPatch: as `read_batch`, naming the line.
    """
    batches = []
    for number, line in enumerate(_read(source).splitlines(), start=1):
        if not line.strip():
            continue
        value = _json(line, f"line {number} of {source!r}")
        try:
            batches.append(batch_of({**value, **options} if isinstance(value, dict) else value))
        except InvalidPatch as error:
            raise InvalidPatch(f"line {number} of {source!r}: {error}") from error
    if not batches:
        raise InvalidPatch(f"{source!r} has no batch")
    return batches


def _json(text: bytes, what: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_refused_number)
    except RecursionError as error:
        raise InvalidPatch(f"{what} is nested too deeply") from error
    except ValueError as error:
        raise InvalidPatch(f"{what} is not JSON: {error}") from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that says a thing twice: which of the two is meant, parsers disagree about."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {twice!r} is given twice in one object")
    return found


def _refused_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def workspace_of(root: Path) -> Workspace:
    """Return the workspace at a root, with the marker pattern of the settings."""
    opening, closing = (os.environ.get(f"REPO_AGENT_MARKER_{side}") for side in ("OPENING", "CLOSING"))
    if opening is None and closing is None:
        return Workspace(root)  # loading the settings costs more than a small batch
    from repo_agent_dagster.settings import Settings

    settings = Settings()
    return Workspace(root, markers=MarkerPattern(settings.marker_opening, settings.marker_closing))


def patch_or_time(to: str | None) -> tuple[str | None, datetime | None]:
    """Tell a patch's id from a time: one of the two is None, both are without a value. A date is the end of that day.

    Raises:
        InvalidPatch: it is neither.
    """
    if to is None:
        return None, None
    if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", to):
        return to.lower(), None
    try:
        time = datetime.fromisoformat(to)
    except ValueError as error:
        raise InvalidPatch(f"{to!r} is neither a patch's id nor a time; write a time as 2026-11-20T09:00Z") from error
    if re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", to):
        time += timedelta(days=1, microseconds=-1)
    return None, time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def batch_of(value: Any) -> PatchBatch:
    """Validate a batch, and put the text of every blockFile in its place: only here is known what it is relative to.

    Raises:
        InvalidPatch: it is not a batch, or a block file cannot be read.
    """
    try:
        batch = PatchBatch.model_validate(value)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, problem['loc'])) or 'batch'}: {problem['msg']}" for problem in error.errors()]
        shown = "; ".join(problems[:10]) + (f"; and {len(problems) - 10} more" if len(problems) > 10 else "")
        raise InvalidPatch(f"the batch is not valid: {shown}") from error
    if all(text_file(operation) is None for operation in batch.patches):
        return batch
    patches = [
        operation if (source := text_file(operation)) is None else with_text(operation, read_text(source))
        for operation in batch.patches
    ]
    return batch.model_copy(update={"patches": patches})


def open_engine(database_url: str) -> "Engine":
    """Open the store, at this version's schema; an empty URL means the settings' one.

    Raises:
        InvalidPatch: the URL is malformed or names another database.
        CustodyUnavailable: it does not answer.
        CustodyRefused: it is no store of ours.
    """
    from repo_agent_dagster.store.patch_events import told_as_custody
    from repo_agent_dagster.store.revision import open_upgraded

    url = database_url or _settled_url()
    with _telling_bad_urls(), told_as_custody(url):
        return open_upgraded(url)


def registered_workspace(database_url: str, root: Path) -> "RegisteredWorkspace | None":
    """Return what the store knows of the checkout with that resolved root, or None.

    Raises:
        InvalidPatch: the URL is malformed or names another database.
        CustodyUnavailable: the store does not answer.
    """
    from repo_agent_dagster.store.workspace_lookup import registered_at

    with _telling_bad_urls():
        return registered_at(database_url or _settled_url(), root)


def _open_custody(database_url: str) -> "Custody":
    """Open the store as `open_engine` does, for its record alone: without SQLAlchemy where it can be."""
    from repo_agent_dagster.store.custody import open_custody

    with _telling_bad_urls():
        return open_custody(database_url or _settled_url())


def _settled_url() -> str:
    from repo_agent_dagster.settings import Settings

    return Settings().store_url


@contextmanager
def _telling_bad_urls() -> Iterator[None]:
    from repo_agent_dagster.store.sqlite import StoreUrlError

    try:
        yield
    except StoreUrlError as error:
        raise InvalidPatch(str(error)) from error


def custody_of(workspace: Workspace, database_url: str, *, offline: bool) -> "Custody":
    """Return where the record is kept: in the store, or offline in the workspace's spool."""
    store = CustodyOnDemand(database_url)
    return SpoolCustody(workspace, store) if offline else store


class CustodyOnDemand:
    """Custody in the store, which is opened when it is first needed: never, in a dry run."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._opened: Custody | None = None

    def record(self, events: Sequence[EventRow]) -> None:
        """See `contracts.custody.Custody`."""
        self._custody().record(events)

    def batch(self, batch_id: str) -> Sequence[RecordedPatch]:
        """See `contracts.custody.Custody`."""
        return self._custody().batch(batch_id)

    def patches(self, patch_ids: Sequence[str]) -> Sequence[RecordedPatch]:
        """See `contracts.custody.Custody`."""
        return self._custody().patches(patch_ids)

    def take_in(self, segment: SpoolSegment, now: datetime) -> bool:
        """See `contracts.spool.TakesSpools`."""
        custody = self._custody()
        if not isinstance(custody, TakesSpools):  # to return False would say that it has the segment
            raise CustodyRefused(f"{type(custody).__name__} takes no spools")
        return custody.take_in(segment, now)

    def _custody(self) -> "Custody":
        if self._opened is None:
            self._opened = _open_custody(self._database_url)
        return self._opened


def _read(source: str) -> bytes:
    try:
        return typer.get_binary_stream("stdin").read() if source == "-" else Path(source).read_bytes()
    except (OSError, ValueError) as error:
        raise InvalidPatch(f"{source!r} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def read_text(source: str) -> str:
    """Read a text from a file; ``-`` is stdin, and a byte-order mark is left out.

    Raises:
        InvalidPatch: it cannot be read, or is not UTF-8.
    """
    try:
        return _read(source).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidPatch(f"{source!r} is not UTF-8: {error}") from error
