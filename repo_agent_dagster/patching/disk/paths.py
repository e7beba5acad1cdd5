"""Which paths a patch may name, judged by their text alone; `tree` judges what they lead to on the disk."""

import re
from collections.abc import Sequence
from functools import lru_cache

from repo_agent_dagster.patching.model import InvalidPatch, UnsafePath

MISSION_CONTROL = ".mission_control"
STAGED_PREFIX = ".mission-"
"""What a file that is staged beside its target is called: this, the batch, a number, and an ending."""

_PATH_BYTES, _PARTS = 4096, 255

# What HFS+ leaves out when it compares names, so that ".g\u200cit" is ".git" there (git's own list, CVE-2014-9390).
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
# What Windows takes for a device, whatever its ending, and what it has in no name.
_WINDOWS_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*]')
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


@lru_cache(maxsize=4096)
def canonical(path: str) -> str:
    """Return the one spelling of a workspace path: relative, with forward slashes, no empty or ``.`` part.

    Raises:
        UnsafePath: it is absolute, climbs with ``..``, names git's or our own folder, or is not a portable file name.
    """
    if _CONTROL.search(path) or _SURROGATE.search(path):
        raise UnsafePath(f"path {path!r} has control characters or is not valid Unicode")
    if "\\" in path:
        raise UnsafePath(f"path {path!r} has a backslash; write paths with forward slashes")
    if path.startswith("/") or re.match(r"[A-Za-z]:/", path):
        raise UnsafePath(f"path {path!r} is absolute; name files relative to the workspace")
    if path.startswith("~/"):
        raise UnsafePath(f"path {path!r} starts with ~, which is not expanded; name files relative to the workspace")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or path.endswith(("/", "/.")):
        raise UnsafePath(f"path {path!r} names a folder; a patch changes files")
    if len(path.encode()) > _PATH_BYTES or len(parts) > _PARTS:
        raise UnsafePath(
            f"path {path[:80]!r}… has {len(path.encode())} bytes and {len(parts)} parts; {_PATH_BYTES} bytes and "
            f"{_PARTS} parts are the most"
        )
    for part in parts:
        _refuse_part(path, part)
    if _folded(parts[0]) == MISSION_CONTROL:
        raise UnsafePath(f"path {path!r} is inside {MISSION_CONTROL}/, which the patching engine keeps for itself")
    return "/".join(parts)


def _refuse_part(path: str, part: str) -> None:
    if part == "..":
        raise UnsafePath(f"path {path!r} climbs out with '..'; name files relative to the workspace, without it")
    folded = _folded(part)
    if folded == ".git" or folded.startswith(".git::") or re.fullmatch(r"git~\d+", folded):
        raise UnsafePath(f"path {path!r} is inside a .git folder, which patches never touch")
    if folded.startswith(STAGED_PREFIX):
        raise UnsafePath(f"path {path!r} is named like the engine's own staged files ({STAGED_PREFIX}…)")
    if len(part.encode()) > 255:
        raise UnsafePath(f"path {path[:80]!r}… has a part of more than 255 bytes")


def _folded(part: str) -> str:
    """Return a name as case-insensitive file systems that drop trailing dots and spaces would compare it."""
    return _IGNORED_BY_HFS.sub("", part).casefold().rstrip(". ")


def refuse_unportable(path: str) -> None:
    """Refuse a canonical path, at which a file is to be made, that a checkout on Windows could not have.

    Raises:
        UnsafePath: a part is a device there, ends with a dot or a space, or has a character that no name has.
    """
    for part in path.split("/"):
        if _WINDOWS_DEVICE.fullmatch(part) or part.endswith((".", " ")) or _NOT_ON_WINDOWS.search(part):
            raise UnsafePath(f"path {path!r} has a name that no file can have on Windows ({part!r}); choose another")


class Allowed:
    """The globs of `allowedPaths`: ``*`` and ``?`` stay within a folder, ``**`` crosses folders.

    A pattern without wildcards is a file, or a folder with all that is in it. None allows everything.
    """

    def __init__(self, patterns: Sequence[str] | None) -> None:
        self._patterns = None if patterns is None else [_compiled(pattern) for pattern in patterns]

    def permits(self, path: str) -> bool:
        """Whether the canonical path matches one of the patterns."""
        return self._patterns is None or any(pattern.fullmatch(path) for pattern in self._patterns)


def _compiled(pattern: str) -> re.Pattern[str]:
    stripped = pattern.removeprefix("./").rstrip("/")
    if not stripped or stripped.startswith("/") or ".." in stripped.split("/"):
        raise InvalidPatch(f"allowedPaths pattern {pattern!r} is not a glob relative to the workspace; e.g. src/**")
    expression, position = "", 0
    for token in re.finditer(r"\*\*/|\*\*|\*|\?", stripped):
        expression += re.escape(stripped[position : token.start()])
        expression += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}[token.group()]
        position = token.end()
    expression += re.escape(stripped[position:])
    return re.compile(expression if position else f"{expression}(?:/.*)?", re.DOTALL)
