"""Merge two versions of a JSON file key by key; the result is the destination's text, edited where the unit changed.

Objects are merged by key. Arrays that are sets by their key (`files`, `include`, `keywords`, …) and hold scalars are
merged as sets; every other array is one value. Where both sides changed one value differently, nothing is chosen:
that is a conflict, for the version of a dependency too. Without a base the result is the union.
"""

from typing import Literal

from repo_agent_dagster.migration.jsonc import Document, NotJson, read_json, value_of
from repo_agent_dagster.migration.merging.json_edits import Edit, edited
from repo_agent_dagster.migration.merging.json_sides import JsonConflict, Side, merge_documents
from repo_agent_dagster.migration.merging.outcome import Labels, Merged, settled
from repo_agent_dagster.migration.merging.text_merge import compare_lines, merge_by_lines
from repo_agent_dagster.patching.text.lines import BOM, split_lines
from repo_agent_dagster.patching.text.merging import Conflict, Merge, merge3

_PLACES_IN_REASON = 5


class _SideNotJson(Exception):
    """One of the versions is no JSON; the message says which, where and why."""


def merge_json(path: str, base: bytes | None, ours: bytes, theirs: bytes, labels: Labels, why: str) -> Merged:
    """Return the merge by keys; what is no JSON is merged by lines, and a note says so."""
    try:
        mine, other = _read(ours, labels.ours), _read(theirs, labels.theirs)
        before = None if base is None else _read(base, labels.base)
    except _SideNotJson as error:
        return merge_by_lines(base, ours, theirs, labels, why).with_notes(f"{path}: merged by lines: {error}")
    found = merge_documents(before, mine, other)
    texts: dict[Side, str] = {
        side: edited(mine, (*found.edits, *_decided(found.conflicts, side))) for side in ("ours", "theirs", "base")
    }
    # The edits are proven by their effect: a text that does not mean what the merge means is never written.
    if not _means(texts["ours"], found.value):
        note = f"{path}: merged by lines: its text could not be edited key by key"
        return merge_by_lines(base, ours, theirs, labels, why).with_notes(note)
    bom = BOM if ours.startswith(BOM) else b""
    notes = tuple(f"{path}: {note}" for note in (*found.notes, *_missed_comments(before, other, texts["ours"])))
    if not found.conflicts:
        return settled(bom + texts["ours"].encode(), ours=ours, theirs=theirs, notes=notes)
    pointers = [conflict.pointer or "the whole value" for conflict in found.conflicts]
    told = ", ".join(pointers[:_PLACES_IN_REASON])
    more = f" and {len(pointers) - _PLACES_IN_REASON} more" if len(pointers) > _PLACES_IN_REASON else ""
    return Merged(
        "conflict",
        ours,
        f"{why}, both at {told}{more}",
        "text",
        bom + _marked(texts, labels, has_base=before is not None),
        len(found.conflicts),
        tuple(conflict.told(labels) for conflict in found.conflicts),
        notes,
    )


def _read(content: bytes, label: str) -> Document:
    try:
        return read_json(content.removeprefix(BOM).decode())
    except UnicodeDecodeError as error:
        raise _SideNotJson(f"the {label}'s is not UTF-8 ({error.reason} at byte {error.start})") from error
    except NotJson as error:
        raise _SideNotJson(f"the {label}'s is not JSON ({error})") from error


def _decided(conflicts: tuple[JsonConflict, ...], side: Side) -> list[Edit]:
    return [edit for conflict in conflicts if (edit := conflict.decided(side)) is not None]


def _means(text: str, value: object) -> bool:
    try:
        return value_of(read_json(text).root) == value
    except NotJson:
        return False


def _marked(texts: dict[Side, str], labels: Labels, *, has_base: bool) -> bytes:
    """Return the merged text with the undecided lines between markers: the three texts differ only there."""
    ours, theirs, base = (split_lines(texts[side].encode()) for side in ("ours", "theirs", "base"))
    merge = merge3(base, ours, theirs)
    # A comma that only one side has may be lines away from its key; it must not be chosen before the key is.
    if has_base and _view(merge, "ours") == ours and _view(merge, "theirs") == theirs:
        return b"".join(merge.marked(labels.ours, labels.theirs, labels.base, "diff3"))
    return b"".join(compare_lines(ours, theirs).marked(labels.ours, labels.theirs))


def _view(merge: Merge, side: Literal["ours", "theirs"]) -> list[bytes]:
    """Return the text that comes out when this side is chosen in every conflict."""
    parts = (getattr(part, side) if isinstance(part, Conflict) else part for part in merge.parts)
    return [line for lines in parts for line in lines]


def _missed_comments(before: Document | None, other: Document, merged: str) -> list[str]:
    known = {*(() if before is None else before.comments), *read_json(merged).comments}
    missed = [comment for comment in other.comments if comment not in known]
    return [f"comments that are new in the unit were not taken, {missed[0]!r} first"] if missed else []
