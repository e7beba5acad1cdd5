"""Merge two versions of a text file by lines; line endings and the byte-order mark are merged as what they are.

Where a side has the other line ending throughout, that is one change of the file, not one of each of its lines: the
lines are merged without their endings, and the result has the ending of the side that changed it. A file that mixes
both endings has its lines merged as they are.
"""

from collections.abc import Sequence
from typing import Literal

from repo_agent_dagster.migration.merging.outcome import Labels, Merged, settled
from repo_agent_dagster.patching.text.lines import BOM, CRLF, LF, split_lines
from repo_agent_dagster.patching.text.matching import changed_regions
from repo_agent_dagster.patching.text.merging import Conflict, Merge, merge3

_BINARY_WITHIN = 8000
Ending = Literal["lf", "crlf", "mixed"] | None


def is_binary(content: bytes) -> bool:
    """Return whether git would call the content binary: a zero byte within its first 8,000."""
    return b"\0" in content[:_BINARY_WITHIN]


def is_same_text(one: bytes, other: bytes) -> bool:
    """Return whether two text files differ in nothing but line endings and the byte-order mark."""
    if is_binary(one) or is_binary(other):
        return one == other
    return _plain(one) == _plain(other)


def merge_by_lines(base: bytes | None, ours: bytes, theirs: bytes, labels: Labels, why: str) -> Merged:
    """Return the merge of two versions; overlapping changes are a conflict, and so are binary files.

    Without a base nothing tells which side changed what: every place where the two differ is then a conflict. `why`
    says for people how it came to two versions.
    """
    if any(is_binary(side) for side in (base or b"", ours, theirs)):
        return Merged("conflict", ours, f"{why}; binary files are not merged", "binary", conflicts=1)
    bom = _merged_bom(base, ours, theirs)
    sides = [side.removeprefix(BOM) for side in (base or b"", ours, theirs)]
    endings: list[Ending] = [ending_of(side) for side in sides]
    are_different = len({ending for ending in endings if ending is not None}) > 1
    ending: bytes | None = None
    if are_different and "mixed" not in endings:
        ending = _merged_ending(*endings)
        sides = [side.replace(CRLF, LF) for side in sides]
    before, mine, other = (split_lines(side) for side in sides)
    merge = compare_lines(mine, other) if base is None else merge3(before, mine, other)
    if merge.is_clean:
        return settled(bom + _ended(b"".join(merge.lines), ending), ours=ours, theirs=theirs)
    style: Literal["merge", "diff3"] = "merge" if base is None else "diff3"
    marked = b"".join(merge.marked(labels.ours, labels.theirs, labels.base, style))
    return Merged("conflict", ours, why, "text", bom + _ended(marked, ending), len(merge.conflicts))


def compare_lines(ours: Sequence[bytes], theirs: Sequence[bytes]) -> Merge:
    """Return both versions as one: the lines that they share, and a conflict wherever they differ."""
    parts: list[list[bytes] | Conflict] = []
    position = 0
    for region in changed_regions(ours, theirs):
        mine, other = list(ours[region.old_start : region.old_end]), list(theirs[region.new_start : region.new_end])
        parts += [
            list(ours[position : region.old_start]),
            Conflict(region.old_start, region.old_start, [], mine, other),
        ]
        position = region.old_end
    return Merge((*parts, list(ours[position:])))


def ending_of(content: bytes) -> Ending:
    """Return which line ending a file has; None when it has no line end."""
    all_ends, crlf = content.count(LF), content.count(CRLF)
    if not all_ends:
        return None
    return "lf" if not crlf else "crlf" if crlf == all_ends else "mixed"


def _merged_bom(base: bytes | None, ours: bytes, theirs: bytes) -> bytes:
    mine, other = ours.startswith(BOM), theirs.startswith(BOM)
    has_bom = mine if base is None or mine != base.startswith(BOM) else other
    return BOM if has_bom else b""


def _merged_ending(base: Ending, ours: Ending, theirs: Ending) -> bytes:
    """Return the ending of the side that changed it; without a base's, what stands at the destination."""
    chosen = theirs if ours is None or (base is not None and ours == base and theirs is not None) else ours
    return CRLF if chosen == "crlf" else LF


def _ended(content: bytes, ending: bytes | None) -> bytes:
    return content.replace(LF, CRLF) if ending == CRLF else content


def _plain(content: bytes) -> bytes:
    return content.removeprefix(BOM).replace(CRLF, LF)
