"""Files of a commit, read from its bare mirror on the host: no work tree, no filter, no hook takes part."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from repo_agent_dagster.sandbox.repositories.git import run_git
from repo_agent_dagster.sandbox.repositories.history import Mirror

_ENTRY = re.compile(rb"(\d+) blob ([0-9a-f]+) +(\d+)\t(.+)", re.DOTALL)
_LINK = b"120000"
_EXECUTABLE = b"100755"


@dataclass(frozen=True)
class BlobEntry:
    """A file of a commit: its object's id, its size, and whether it is a symbolic link (its content is its target)."""

    id: str
    bytes: int
    link: bool = False
    executable: bool = False


def files_at(mirror: Mirror, commit: str) -> dict[str, BlobEntry]:
    """Return the files of a commit by path; submodules are left out.

    Raises:
        RepositoryError: there is no such commit.
    """
    listed = _git(mirror, ["ls-tree", "-r", "-l", "-z", "--full-tree", commit])
    entries = (_ENTRY.fullmatch(line) for line in listed.split(b"\0") if line)
    return {
        entry[4].decode("utf-8", "replace"): BlobEntry(
            entry[2].decode(), int(entry[3]), entry[1] == _LINK, entry[1] == _EXECUTABLE
        )
        for entry in entries
        if entry is not None
    }


def blobs(mirror: Mirror, ids: Sequence[str]) -> dict[str, bytes]:
    """Return the content of blobs by id, all in memory: ask for those whose size is known to be small."""
    if not ids:
        return {}
    answer = _git(mirror, ["cat-file", "--batch"], "".join(f"{name}\n" for name in ids).encode())
    found: dict[str, bytes] = {}
    position = 0
    while position < len(answer):
        end = answer.index(b"\n", position)
        words = answer[position:end].split()
        position = end + 1
        if len(words) != 3:  # "<id> missing" has two
            continue
        size = int(words[2])
        found[words[0].decode()] = answer[position : position + size]
        position += size + 1
    return found


def _git(mirror: Mirror, arguments: Sequence[str], given: bytes = b"") -> bytes:
    with tempfile.TemporaryFile() as stdin:
        stdin.write(given)
        stdin.seek(0)
        done = run_git(arguments, mirror.path, stdin=stdin)
    return mirror.checked(arguments[0], done).stdout
