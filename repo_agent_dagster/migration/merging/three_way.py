"""Decide what becomes of one file from its three sides, none of which may be lost silently.

ours is what stands at the destination, theirs what the unit brings now, and base what the unit brought last time: not
what was written then. The two differ where the last migration merged; were the merged text taken for the base, the
local edits in it would count as the unit's, and the unit's next version would remove them.
"""

from repo_agent_dagster.contracts.migration import MergeMethod
from repo_agent_dagster.migration.merging.json_merge import merge_json
from repo_agent_dagster.migration.merging.outcome import Labels, Merged
from repo_agent_dagster.migration.merging.text_merge import is_same_text, merge_by_lines

_NEVER_WRITTEN = "exists already and was not written by a migration"
_BASE_LOST = "differs from the unit, and what the last migration brought is not kept any more"
_BOTH = "edited here since the last migration, and changed in the unit"
_DELETED_HERE = "deleted here since the last migration, and changed in the unit"
_LINE_ENDINGS = "kept as it is: differs from the unit only in line endings or byte-order mark"


def merge_file(
    path: str,
    *,
    base: bytes | None,
    ours: bytes | None,
    theirs: bytes | None,
    method: MergeMethod = "three-way",
    labels: Labels | None = None,
    is_base_lost: bool = False,
) -> Merged:
    """Return what becomes of the file at `path` (relative to the target root); pure.

    A side is None where there is no file. `is_base_lost` says that a base of None is none of these: the unit brought
    the file before, but its content is nowhere to be found; then both sides must be known to differ from it.

    The method decides only where both sides changed: what one side alone changed is as that side has it.
    """
    if ours == theirs:
        return Merged("kept", ours)
    if base is None and not is_base_lost:
        if ours is None:
            return Merged("taken", theirs)
        if theirs is None:
            return Merged("kept", ours, "kept as it is: no migration wrote it")
    elif not is_base_lost:
        if ours == base:
            return Merged("taken", theirs, None if theirs is not None else "left the unit")
        if theirs == base:
            edit = "deleted" if ours is None else "edited"
            return Merged("kept", ours, f"kept as it is: {edit} here, and the unit did not change it")
    return _both_changed(path, base, ours, theirs, method, labels or Labels(), is_base_lost=is_base_lost)


def merge_executable(base: bool | None, ours: bool, theirs: bool) -> bool:
    """Return whether the merged file is executable: as the side that changed it says; without a base, as the unit."""
    return theirs if base is None or ours == base else ours


def _both_changed(
    path: str,
    base: bytes | None,
    ours: bytes | None,
    theirs: bytes | None,
    method: MergeMethod,
    labels: Labels,
    *,
    is_base_lost: bool,
) -> Merged:
    why = _BASE_LOST if is_base_lost else _NEVER_WRITTEN if base is None else _BOTH
    if method == "refuse":
        return Merged("refused", ours, f"{why}; its merge rule says refuse")
    if method == "ours":
        return Merged("kept", ours, f"kept as it is: {why}; its merge rule says ours")
    if method == "theirs":
        return Merged("taken", theirs, f"{why}; its merge rule says theirs")
    if theirs is None:
        return Merged("kept", ours, "kept as it is: edited here, though it left the unit")
    if ours is None:
        return Merged("conflict", None, _DELETED_HERE, "deleted", conflicts=1)
    if base is None and is_same_text(ours, theirs):
        return Merged("kept", ours, _LINE_ENDINGS)
    # With a lost base a key that one side lacks may be new or removed: the union could bring back what people removed.
    if method == "json-merge" and not is_base_lost:
        return merge_json(path, base, ours, theirs, labels, why)
    return merge_by_lines(base, ours, theirs, labels, why)
