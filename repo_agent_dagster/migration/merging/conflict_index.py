"""What is on record of a unit's side files: which file each belongs to, which sides it was made of, what it held."""

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, ValidationError

from repo_agent_dagster.contracts.base import SnakeContract
from repo_agent_dagster.migration.merging.outcome import ConflictKind

INDEX = ".conflicts.json"
UNFINISHED_INDEX = ".conflicts.json.new"
_VERSION = 1
_MARKER = re.compile(rb"<{7} .*|\|{7}(?: .*)?|={7}|>{7} .*")
_LONGEST_NAME = 255
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class SideFile(SnakeContract):
    """One conflict: the file's path under the target root, and its side file's and copy's in the unit's folder.

    `written` is the digest of the side file as it was laid out, and `markers` are the lines that a resolution lacks.
    """

    path: str
    side: str
    copy_of_theirs: str | None = None
    kind: ConflictKind
    base: Digest | None
    ours: Digest | None
    theirs: Digest | None
    written: Digest
    markers: tuple[str, ...]

    @property
    def files(self) -> dict[str, str]:
        """The names of the files that lay it out, and the digests of what was written to them."""
        files = {self.side: self.written}
        if self.copy_of_theirs is not None and self.theirs is not None:
            files[self.copy_of_theirs] = self.theirs
        return files

    def is_of(self, base: str | None, ours: str | None, theirs: str | None) -> bool:
        """Return whether it was made of sides with these digests."""
        return (self.base, self.ours, self.theirs) == (base, ours, theirs)

    def is_marked(self, content: bytes) -> bool:
        """Return whether one of our markers is still in a side file's content."""
        return not _lines(content).isdisjoint(marker.encode() for marker in self.markers)


class ConflictIndex(SnakeContract):
    """The content of a unit's `.conflicts.json`."""

    version: Annotated[int, Field(ge=1, le=_VERSION)] = _VERSION
    conflicts: tuple[SideFile, ...] = ()

    @property
    def by_path(self) -> dict[str, SideFile]:
        """The conflicts by the paths of their files."""
        return {entry.path: entry for entry in self.conflicts}


def read_index(content: bytes | None) -> ConflictIndex:
    """Return what an index file says: nothing, when there is none or it is damaged; side files then have no say."""
    if content is None:
        return ConflictIndex()
    try:
        return ConflictIndex.model_validate_json(content)
    except ValidationError:
        return ConflictIndex()


def index_bytes(entries: Iterable[SideFile]) -> bytes:
    """Return the index file of these conflicts."""
    index = ConflictIndex(conflicts=tuple(sorted(entries, key=lambda entry: entry.path)))
    return (index.model_dump_json(indent=2) + "\n").encode()


def marker_lines(marked: bytes, *sides: bytes | None) -> tuple[str, ...]:
    """Return the marker lines of a marked text that none of its sides has of its own, such as a heading's underline."""
    own: set[bytes] = set().union(*(_lines(side) for side in sides if side is not None))
    found = {line for line in _lines(marked) if _MARKER.fullmatch(line)} - own
    return tuple(sorted(line.decode(errors="replace") for line in found))


def free_name(path: str, taken: Iterable[str], suffix: str = "") -> str:
    """Return a path with a suffix that no other file has; where the name would be too long, its beginning."""
    folder, slash, name = path.rpartition("/")
    number = 1
    while True:
        ending = suffix if number == 1 else f"{suffix}~{number}"
        whole = f"{folder}{slash}{_cut(name, _LONGEST_NAME - len(ending.encode()))}{ending}"
        if whole not in taken:
            return whole
        number += 1


def _cut(name: str, length: int) -> str:
    while len(name.encode()) > length:
        name = name[:-1]
    return name


def _lines(content: bytes) -> set[bytes]:
    return {line.rstrip(b"\r") for line in content.split(b"\n")}
