"""The names of files in a diff's headers: C quotes, prefixes, time stamps, ``/dev/null``.

Git's ``a/`` and ``b/`` (and its other pairs of prefixes) are taken off where both names have them; names without
prefixes stay as they are. What a name means for the workspace is judged by `paths.canonical`.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import AnyStr

from repo_agent_dagster.patching.diffs.diff_lines import DiffLines

_ESCAPE = re.compile(rb"\\(?:([abtnvfr\"\\])|([0-3][0-7]{2})|(.?))", re.DOTALL)
_PLAIN_ESCAPES = dict(zip(b'abtnvfr"\\', b'\a\b\t\n\v\f\r"\\', strict=True))
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_DEV_NULL = b"/dev/null"
# Before the tab became usual, blanks stood between the name and its time.
_SPACED_TIME = re.compile(rb"(?<!\s)\s+\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?.*$")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? ([+-]\d{4})$")
# git's: a/ b/, and with diff.mnemonicPrefix c(ommit)/ i(ndex)/ o(bject)/ w(orktree)/, and 1/ 2/ outside a repository.
_OLD_PREFIXES, _NEW_PREFIXES = frozenset("aciow1"), frozenset("bciow2")
_LONGEST_NAME = 4096  # Linux's PATH_MAX
_BACKUP_ENDINGS = (".orig", ".old", ".bak", "~")


@dataclass(frozen=True, slots=True)
class HeaderName:
    """The name in a ``---`` or ``+++`` line. `path` is None for ``/dev/null``.

    `is_epoch` tells that the file had no time, which is how `diff -N` tells that it is absent.
    """

    path: str | None
    is_epoch: bool = False


def header_name(lines: DiffLines) -> HeaderName:
    """Read the name of the ``---`` or ``+++`` line at the position, and go on."""
    at = lines.position
    rest = lines.take()[4:]
    quoted = _QUOTED.match(rest)
    if quoted is not None:
        name, tail = _unescaped(lines, at, quoted[1]), rest[quoted.end() :]
    elif b"\t" in rest:
        name, _, tail = rest.partition(b"\t")
    else:
        name = _SPACED_TIME.sub(b"", rest).rstrip(b" ")
        tail = rest[len(name) :]
    if not name:
        raise lines.refusal("expected a file name, found none", at)
    if name == _DEV_NULL:
        return HeaderName(None)
    return HeaderName(_decoded(lines, at, name), _is_epoch(tail))


def path_of(lines: DiffLines, name: bytes) -> str:
    """Read the name after ``rename from`` and the like, of the line at the position: it has no prefix."""
    quoted = _QUOTED.fullmatch(name)
    name = name if quoted is None else _unescaped(lines, lines.position, quoted[1])
    if not name:
        raise lines.refusal("expected a file name, found none")
    return _decoded(lines, lines.position, name)


def git_names(lines: DiffLines) -> tuple[str, str] | None:
    """Split the two names of the ``diff --git`` line at the position, and go on; None if blanks leave it open."""
    at = lines.position
    names = lines.take().removeprefix(b"diff --git ")
    first = _QUOTED.match(names)
    if first is not None and names[first.end() : first.end() + 1] == b" ":
        old, new = _unescaped(lines, at, first[1]), names[first.end() + 1 :]
    elif first is None and names.endswith(b'"') and b' "' in names:
        old, _, new = names.partition(b' "')
        new = b'"' + new
    elif names.count(b" ") == 1:
        old, _, new = names.partition(b" ")
    else:
        # Both are the same file under prefixes of the same length, or a rename, which has lines of its own.
        middle = len(names) // 2
        old, new = names[:middle], names[middle + 1 :]
        if names[middle : middle + 1] != b" " or _after_folder(old) != _after_folder(new):
            return None
    second = _QUOTED.fullmatch(new)
    if second is not None:
        new = _unescaped(lines, at, second[1])
    return (_decoded(lines, at, old), _decoded(lines, at, new)) if old and new else None


def without_prefixes(old: str | None, new: str | None) -> tuple[str | None, str | None]:
    """Take git's prefixes off a pair of names, or the two folders that were compared (`diff -r old new`)."""
    if old is None or new is None:
        return _without_known(old, _OLD_PREFIXES), _without_known(new, _NEW_PREFIXES)
    if old == new:
        return old, new
    ours, theirs = _without_known(old, _OLD_PREFIXES), _without_known(new, _NEW_PREFIXES)
    if ours != old and theirs != new and old[:2] != new[:2]:
        return ours, theirs
    if "/" in old and _after_folder(old) == _after_folder(new):
        return _after_folder(old), _after_folder(new)
    return old, new


def edited_of(old: str, new: str) -> str | None:
    """Return which of two names `diff -u x.orig x` means to edit; None if they are two different files."""
    if any(old == new + ending for ending in _BACKUP_ENDINGS):
        return new
    return old if old == new or new == old + ".new" else None


def _after_folder(name: AnyStr) -> AnyStr:
    slash = "/" if isinstance(name, str) else b"/"
    return name.partition(slash)[2]


def _without_known(name: str | None, prefixes: frozenset[str]) -> str | None:
    if name is not None and name[1:2] == "/" and name[0] in prefixes and len(name) > 2:
        return name[2:]
    return name


def _unescaped(lines: DiffLines, at: int, text: bytes) -> bytes:
    def one(escape: re.Match[bytes]) -> bytes:
        if escape[1] is not None:
            return bytes([_PLAIN_ESCAPES[escape[1][0]]])
        if escape[2] is not None:
            return bytes([int(escape[2], 8)])
        raise lines.refusal(f"the quoted name has an unknown escape \\{escape[3].decode('latin-1')}", at)

    return _ESCAPE.sub(one, text)


def _decoded(lines: DiffLines, at: int, name: bytes) -> str:
    if len(name) > _LONGEST_NAME:
        raise lines.refusal(f"the file name has {len(name)} bytes; no file has more than {_LONGEST_NAME}", at)
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise lines.refusal(f"the file name {name!r} is not UTF-8; rename the file first", at) from error


def _is_epoch(tail: bytes) -> bool:
    match = _TIME.search(tail.decode("latin-1").strip())
    if match is None:
        return False
    try:
        return datetime.strptime(" ".join(match.groups()), "%Y-%m-%d %H:%M:%S %z").timestamp() == 0
    except ValueError:
        return False
