"""What merging one file comes to: the words that its parts, the plan and the side files share."""

from dataclasses import dataclass, replace
from typing import Literal

Outcome = Literal["taken", "kept", "merged", "conflict", "refused"]
ConflictKind = Literal["text", "binary", "deleted"]


@dataclass(frozen=True)
class Labels:
    """What the three sides are called between conflict markers and in reasons."""

    ours: str = "destination"
    theirs: str = "unit"
    base: str = "base"


@dataclass(frozen=True)
class Merged:
    """What becomes of one file.

    taken: `content` is the unit's. kept: it is what stands at the destination. merged: it has the changes of both.
    conflict, refused: nothing may be written, and `content` is what stands. A `content` of None is no file.

    `reason` is a part of a sentence for people, None where there is nothing to tell. A conflict has its `kind`; one of
    kind text has `marked`, the whole file with git's conflict markers. `conflicts` is how many places must be decided;
    `places` names them where they have names (JSON pointers), and `notes` tells what else people should know.
    """

    outcome: Outcome
    content: bytes | None
    reason: str | None = None
    kind: ConflictKind | None = None
    marked: bytes | None = None
    conflicts: int = 0
    places: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def must_stop(self) -> bool:
        """Whether the unit may not be written before people have decided."""
        return self.outcome in ("conflict", "refused")

    def with_notes(self, *notes: str) -> "Merged":
        """Return the same with more notes."""
        return replace(self, notes=(*self.notes, *notes))


def settled(content: bytes, *, ours: bytes, theirs: bytes, notes: tuple[str, ...] = ()) -> Merged:
    """Return the outcome of a merge without conflicts: it may turn out to be one of the sides."""
    if content == ours:
        return Merged("kept", ours, "kept as it is: has the unit's changes already", notes=notes)
    if content == theirs:
        return Merged("taken", theirs, "the unit has the changes made here already", notes=notes)
    return Merged("merged", content, "merged: changed here and in the unit", notes=notes)
