"""Decide a three-way merge of JSON key by key: what is edited, what conflicts, and what the result means."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from repo_agent_dagster.migration.jsonc import Document, Item, Node, Value, value_of
from repo_agent_dagster.migration.merging.json_edits import Edit, Insert, Remove, Replace, Source
from repo_agent_dagster.migration.merging.outcome import Labels

Side = Literal["ours", "theirs", "base"]
_SETS = frozenset({"exclude", "files", "include", "keywords", "lib", "types", "workspaces"})
_SET_POINTERS = frozenset({"/workspaces/packages", "/workspaces/nohoist"})
_SHOWN = 60


@dataclass(frozen=True)
class _Place:
    """Where a value is or would be in the destination's document; `container` is None for the outermost."""

    pointer: str
    container: Node | None
    item: Item | None
    after: Item | None
    key: str


@dataclass(frozen=True)
class JsonConflict:
    """A value that both sides changed, each in its own way; a side is None where it has no such key."""

    place: _Place
    base: Source | None
    ours: Source | None
    theirs: Source | None

    @property
    def pointer(self) -> str:
        """Where it is, as a JSON pointer (RFC 6901)."""
        return self.place.pointer

    def decided(self, side: Side) -> Edit | None:
        """Return the edit that gives the destination's document this side's value; None when it needs none."""
        return None if side == "ours" else _edit(self.place, self.ours, self.base if side == "base" else self.theirs)

    def told(self, labels: Labels) -> str:
        """Return the place and the values of the sides, for people."""
        sides = [(labels.ours, self.ours), (labels.theirs, self.theirs)]
        if self.base is not None:
            sides.append((labels.base, self.base))
        return f"{self.pointer or 'the whole value'}: " + ", ".join(f"{label} {_shown(one)}" for label, one in sides)


@dataclass
class DocumentMerge:
    """The edits that the destination's document gets, and what it then means with each conflict left as it is."""

    edits: list[Edit] = field(default_factory=list)
    conflicts: tuple[JsonConflict, ...] = ()
    notes: list[str] = field(default_factory=list)
    value: Value = field(default_factory=dict)


def merge_documents(base: Document | None, ours: Document, theirs: Document) -> DocumentMerge:
    """Return the merge of two documents; without a base, what only one has is in the union."""
    merger = _Merger(ours, theirs)
    before = None if base is None else Source(base, base.root)
    place = _Place("", None, None, None, "")
    merged = merger.value(place, before, Source(ours, ours.root), Source(theirs, theirs.root))
    return DocumentMerge(
        merger.edits, tuple(merger.conflicts), merger.notes, value_of(ours.root) if merged is None else merged
    )


class _Merger:
    def __init__(self, ours: Document, theirs: Document) -> None:
        self._ours, self._theirs = ours, theirs
        self.edits: list[Edit] = []
        self.conflicts: list[JsonConflict] = []
        self.notes: list[str] = []

    def value(self, place: _Place, base: Source | None, ours: Source | None, theirs: Source | None) -> Value | None:
        """Decide one value, and return what it then is; None: there is none."""
        before, mine, other = _value(base), _value(ours), _value(theirs)
        if ours is not None and theirs is not None:
            if ours.node.kind == theirs.node.kind == "object":
                return self._members(place, base, ours, theirs)
            if mine == other or other == before:
                return mine
            if _is_set(place.pointer, ours.node) and _is_set(place.pointer, theirs.node):
                return self._elements(place.pointer, base, ours, theirs)
        if mine == other or other == before:
            return mine
        if mine == before:
            return self._take(place, ours, theirs)
        self.conflicts.append(JsonConflict(place, base, ours, theirs))
        return mine

    def _take(self, place: _Place, ours: Source | None, theirs: Source | None) -> Value | None:
        edit = _edit(place, ours, theirs)
        if edit is not None:
            self.edits.append(edit)
        if ours is not None and _has_comment(ours) and theirs is not None:
            self.notes.append(f"comments inside {place.pointer} went with the value, which the unit changed")
        return _value(theirs)

    def _members(self, place: _Place, base: Source | None, ours: Source, theirs: Source) -> Value:
        before = base.node.by_key if base is not None and base.node.kind == "object" else {}
        mine, other = ours.node.by_key, theirs.node.by_key
        if before and _is_reordered(before, other):
            if _value(ours) == _value(base) and not _is_reordered(before, mine) and not _has_comment(ours):
                self.edits.append(Replace(ours.node, theirs))
                return value_of(theirs.node)
            if _is_reordered(mine, other):
                self.notes.append(f"the unit's new order of the keys in {place.pointer or 'the file'} was not taken")
        merged: dict[str, Value] = {}
        for key, after in _in_order(list(mine), list(other)):
            item = mine.get(key)
            inner = _Place(
                f"{place.pointer}/{_escaped(key)}",
                ours.node,
                item,
                None if after is None else mine[after],
                "" if key not in other else _key_text(theirs.document, other[key]),
            )
            if key not in other and key in before and base is not None:
                inner = _with_key(inner, _key_text(base.document, before[key]))
            value = self.value(inner, _member(base, before, key), _member(ours, mine, key), _member(theirs, other, key))
            if value is not None:
                merged[key] = value
        return merged

    def _elements(self, pointer: str, base: Source | None, ours: Source, theirs: Source) -> Value:
        """Merge two arrays as sets: what a side added or removed is so in the result."""
        before: dict[str, Item] = {}
        if base is not None and _is_set(pointer, base.node):
            before = _by_content(base.node)
        mine, other = _by_content(ours.node), _by_content(theirs.node)
        merged: list[Value] = []
        for content, after in _in_order(list(mine), list(other)):
            item, new = mine.get(content), other.get(content)
            if item is not None and new is None and content in before:
                self.edits.append(Remove(ours.node, item))
                continue
            if item is None and new is not None:
                if content in before:
                    continue
                position = None if after is None else mine[after]
                self.edits.append(Insert(ours.node, position, "", Source(theirs.document, new.value)))
            either = item or new
            if either is not None:
                merged.append(value_of(either.value))
        return merged


def _edit(place: _Place, ours: Source | None, chosen: Source | None) -> Edit | None:
    """Return the edit that puts the chosen value in the place of what the destination has there."""
    if ours is not None and chosen is not None:
        return Replace(ours.node, chosen)
    if place.container is None:
        return None
    if chosen is not None:
        return Insert(place.container, place.after, place.key, chosen)
    return None if place.item is None else Remove(place.container, place.item)


def _in_order(mine: list[str], other: list[str]) -> Iterator[tuple[str, str | None]]:
    """Yield all keys, and for those that only `other` has the one of `mine` that they come after (None: no one).

    A new key stands after the nearest key before it that both have; without one, before the nearest after it; and at
    the end where they share none.
    """
    shared = set(mine) & set(other)
    new_after: dict[str | None, list[str]] = {}
    anchor: str | None = None
    waiting: list[str] = []
    for key in other:
        if key in shared:
            if anchor is None and waiting:
                position = mine.index(key)
                new_after.setdefault(mine[position - 1] if position else None, []).extend(waiting)
                waiting = []
            anchor = key
        elif anchor is None:
            waiting.append(key)
        else:
            new_after.setdefault(anchor, []).append(key)
    if waiting:
        new_after.setdefault(mine[-1] if mine else None, []).extend(waiting)
    yield from ((new, None) for new in new_after.get(None, []))
    for key in mine:
        yield key, None
        yield from ((new, key) for new in new_after.get(key, []))


def _is_reordered(one: dict[str, Item], other: dict[str, Item]) -> bool:
    return [key for key in one if key in other] != [key for key in other if key in one]


def _is_set(pointer: str, node: Node) -> bool:
    if node.kind != "array" or (pointer.rpartition("/")[2] not in _SETS and pointer not in _SET_POINTERS):
        return False
    are_scalars = all(item.value.kind not in ("object", "array") for item in node.items)
    return are_scalars and len(_by_content(node)) == len(node.items)


def _by_content(node: Node) -> dict[str, Item]:
    return {f"{item.value.kind} {item.value.content}": item for item in node.items}


def _member(side: Source | None, members: dict[str, Item], key: str) -> Source | None:
    return Source(side.document, members[key].value) if side is not None and key in members else None


def _value(source: Source | None) -> Value | None:
    return None if source is None else value_of(source.node)


def _has_comment(source: Source) -> bool:
    text = source.document.source(source.node)
    return any(comment in text for comment in source.document.comments)


def _key_text(document: Document, item: Item) -> str:
    return document.text[item.start : item.key_end]


def _with_key(place: _Place, key: str) -> _Place:
    return _Place(place.pointer, place.container, place.item, place.after, key)


def _escaped(key: str) -> str:
    return key.encode(errors="backslashreplace").decode().replace("~", "~0").replace("/", "~1")


def _shown(source: Source | None) -> str:
    if source is None:
        return "has no such key"
    text = " ".join(source.document.source(source.node).split())
    return f"has {text if len(text) <= _SHOWN else text[:_SHOWN] + '…'}"
