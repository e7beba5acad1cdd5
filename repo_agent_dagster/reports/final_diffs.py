"""The final diff of each file: from before the order's first patch in effect to after its last.

Secrets of known shapes are taken out, for a report leaves the machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from repo_agent_dagster.redaction import redact_source
from repo_agent_dagster.reports.contents import MAX_CONTENT_BYTES, content_of
from repo_agent_dagster.reports.diffs import read_diff_text
from repo_agent_dagster.reports.patches import FileStates, Patch

MAX_FILE_DIFF_BYTES = 64 * 1024
"""A longer diff of a file is cut."""

MAX_REPORT_DIFF_BYTES = 1024 * 1024
"""Diffs beyond so many bytes are left out of a report."""

MAX_COMPARED_LINES = 3000
"""More lines that differ on either side are told as one change: comparing them takes time with their square."""

IS_CUT = f"Cut after {MAX_FILE_DIFF_BYTES // 1024} KiB."
NO_ROOM = f"Left out: a report holds {MAX_REPORT_DIFF_BYTES // 1024 // 1024} MiB of diffs."
NOT_IN_EFFECT = "None of its patches is in effect."
NO_CHANGE = "After all patches the file is as it was before them."
IS_BINARY = "The file is binary."
IS_GONE = "What the file held before or after the order is no longer kept, or too large."
SHARED = "Others changed the file between the order's patches; what they changed is in the diff, too."

_CONTEXT_LINES = 3


class FileChange(NamedTuple):
    """What an order did to a file: its patches there that are in effect, oldest first."""

    workspace: str
    path: str
    patches: tuple[Patch, ...]

    @property
    def states(self) -> FileStates | None:
        """The file before the first patch and after the last; None where the events do not tell."""
        if not self.patches:
            return None
        first, last = self.patches[0].states, self.patches[-1].states
        return None if first is None or last is None else FileStates(first.before, last.after)

    @property
    def is_shared(self) -> bool:
        """Whether the file changed between two of the patches."""
        states = [patch.states for patch in self.patches if patch.states is not None]
        return any(one.after != other.before and one != other for one, other in pairwise(states))


class KnownDiff(NamedTuple):
    """A diff that an earlier version of the report has, and what it leads from and to."""

    before: str | None
    after: str | None
    text: str
    note: str | None


@dataclass(frozen=True, slots=True)
class FinalDiff:
    """A unified diff, or why there is none. `note` also tells what is to be known of a diff that there is."""

    text: str | None
    note: str | None


def known_diffs(report_json: Mapping[str, Any]) -> dict[tuple[str, str], KnownDiff]:
    """Return the diffs of a stored report by workspace and path; none of a report of an older form."""
    found: dict[tuple[str, str], KnownDiff] = {}
    for file in report_json.get("files", ()):
        if file.get("finalDiff") is not None:
            known = KnownDiff(file["beforeSha256"], file["afterSha256"], file["finalDiff"], file["diffNote"])
            found[file["workspace"], file["path"]] = known
    return found


def final_diffs(
    changes: Sequence[FileChange], known: Mapping[tuple[str, str], KnownDiff]
) -> dict[tuple[str, str], FinalDiff]:
    """Return the final diff of each file by workspace and path.

    A diff between the same two states is taken over from `known`, so that pruning what patching keeps takes none away.
    """
    diffs: dict[tuple[str, str], FinalDiff] = {}
    room = MAX_REPORT_DIFF_BYTES
    reachable = {workspace: Path(workspace).is_dir() for workspace in {change.workspace for change in changes}}
    for change in changes:
        key = change.workspace, change.path
        diff = _taken_over(change, known.get(key)) or _final_diff(change, is_reachable=reachable[change.workspace])
        if diff.text is not None:
            size = len(diff.text.encode())
            diff = FinalDiff(None, NO_ROOM) if size > room else diff
            room -= 0 if diff.text is None else size
        diffs[key] = diff
    return diffs


def _taken_over(change: FileChange, known: KnownDiff | None) -> FinalDiff | None:
    states = change.states
    if known is None or states is None or (known.before, known.after) != (states.before, states.after):
        return None
    return FinalDiff(known.text, known.note)


def _final_diff(change: FileChange, *, is_reachable: bool) -> FinalDiff:
    if not change.patches:
        return FinalDiff(None, NOT_IN_EFFECT)
    if not is_reachable:
        return FinalDiff(None, IS_GONE)
    states = change.states
    if states is not None and states.before == states.after:
        return FinalDiff(None, NO_CHANGE)
    if len(change.patches) == 1:
        own = _own_diff(change.patches[0])
        if own is not None:
            return own
    if states is None:
        return FinalDiff(None, IS_GONE)
    before = content_of(change.workspace, change.path, states.before)
    after = content_of(change.workspace, change.path, states.after)
    if before is None or after is None:
        return FinalDiff(None, IS_GONE)
    if b"\0" in before or b"\0" in after:
        return FinalDiff(None, IS_BINARY)
    text = unified(change.path, before, after, was_there=states.before is not None, is_there=states.after is not None)
    return _bounded(text, SHARED if change.is_shared else None)


def _own_diff(patch: Patch) -> FinalDiff | None:
    found = read_diff_text(patch.opening.workspace, patch.diff_path, max_bytes=MAX_CONTENT_BYTES)
    if found is None or found.is_cut:
        return None
    if "\nGIT binary patch\n" in found.text or "\0" in found.text:
        return FinalDiff(None, IS_BINARY)
    return _bounded(found.text, None)


def unified(path: str, before: bytes, after: bytes, *, was_there: bool = True, is_there: bool = True) -> str:
    """Return the unified diff of two contents; what is no UTF-8 is told by U+FFFD."""
    old, new = _lines(before), _lines(after)
    names = f"a/{path}" if was_there else "/dev/null", f"b/{path}" if is_there else "/dev/null"
    head = tail = 0
    limit = min(len(old), len(new))
    while head < limit and old[head] == new[head]:
        head += 1
    while tail < limit - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    if max(len(old), len(new)) - head - tail > MAX_COMPARED_LINES:
        lines = _one_hunk(old, new, head, tail, names)
    else:
        lines = list(unified_diff(old, new, *names, n=_CONTEXT_LINES))
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(content: bytes) -> list[str]:
    # Not splitlines, which ends lines at form feeds and more.
    *whole, rest = content.decode("utf-8", "replace").split("\n")
    return [*(f"{line}\n" for line in whole), *([rest] if rest else [])]


def _one_hunk(old: list[str], new: list[str], head: int, tail: int, names: tuple[str, str]) -> list[str]:
    start = max(0, head - _CONTEXT_LINES)
    old_end, new_end = len(old) - tail, len(new) - tail
    trailing = old[old_end : old_end + _CONTEXT_LINES]
    lengths = (old_end + len(trailing) - start, new_end + len(trailing) - start)
    return [
        f"--- {names[0]}\n",
        f"+++ {names[1]}\n",
        f"@@ -{start + 1},{lengths[0]} +{start + 1},{lengths[1]} @@\n",
        *(f" {line}" for line in old[start:head]),
        *(f"-{line}" for line in old[head:old_end]),
        *(f"+{line}" for line in new[head:new_end]),
        *(f" {line}" for line in trailing),
    ]


def _bounded(text: str, note: str | None) -> FinalDiff:
    """Return the diff without secrets, cut at the end of a line where it is too long."""
    safe = redact_source(text).replace("\0", "\ufffd")
    raw = safe.encode("utf-8", "replace")
    if len(raw) <= MAX_FILE_DIFF_BYTES:
        return FinalDiff(raw.decode(), note)
    kept = raw[:MAX_FILE_DIFF_BYTES].rpartition(b"\n")[0] + b"\n"
    return FinalDiff(kept.decode("utf-8", "replace"), f"{note} {IS_CUT}" if note else IS_CUT)
