"""Provenance beside the result: `.migration-lock.json` says what was migrated and what we wrote, by hash.

It holds no time and no path of this machine: the same input gives the same bytes.
"""

import json
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, ValidationError

from repo_agent_dagster.contracts.base import SnakeContract
from repo_agent_dagster.migration.faults import DestinationError
from repo_agent_dagster.migration.units.scan import LOCK_NAME

_VERSION = 2
RULES = 1
"""Counted up when the same unit would come out with other names than before."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class LockedFile(SnakeContract):
    """One file that a migration wrote: where it came from in the unit, and the SHA-256 of what the unit brought.

    `blob` is git's id of the same content: whoever has the monorepo's repository finds it there for the next merge.
    """

    source: str
    sha256: Sha256
    executable: bool = False
    blob: Annotated[str | None, Field(pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")] = None


class MigrationLock(SnakeContract):
    """The content of `.migration-lock.json`; the keys of `files` are relative to the target root.

    `is_settled` says that all stages were written and that no name was left unresolved: while nothing changes, there
    is nothing to do. `rules` is the version of the rules by which names are changed; newer ones look again.
    """

    version: Annotated[int, Field(ge=1, le=_VERSION)] = _VERSION
    rules: int = 0
    is_settled: bool = False
    unit: str
    source_digest: Sha256
    manifest_digest: Sha256
    files: Mapping[str, LockedFile]

    def to_bytes(self) -> bytes:
        """Return the file's bytes: sorted, indented, ending with a newline."""
        return (json.dumps(self.model_dump(), indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def lock_path(destination: str) -> str:
    """Return the lock's path, relative to the target root."""
    return LOCK_NAME if destination == "." else f"{destination}/{LOCK_NAME}"


def read_lock(path: str, content: bytes) -> MigrationLock:
    """Return the lock in a file.

    Raises:
        DestinationError: the file is damaged or of a newer version.
    """
    try:
        return MigrationLock.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DestinationError(
            f"{path} cannot be read: {where + ': ' if where else ''}{first['msg']}; restore it from version control, "
            "or delete it: existing files then count as not ours and differing ones are reported as conflicts"
        ) from error
