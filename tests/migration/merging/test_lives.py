"""A unit's versions and people's edits in any order: no local edit is ever lost silently, and no change of the unit.

Every line is written once in a life and says who wrote it, so that after each step it can be told where it must be.
"""

import os
import shutil
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from repo_agent_dagster.migration.merging.bases import Bases, find_base
from repo_agent_dagster.migration.merging.conflicts import (
    FileConflict,
    clear_conflicts,
    list_conflicts,
    read_resolution,
    write_conflicts,
)
from repo_agent_dagster.migration.merging.outcome import Merged
from repo_agent_dagster.migration.merging.three_way import merge_file

pytestmark = pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced

PATHS = ("a.ts", "lib/b.ts")
Edit = Literal["insert", "replace", "remove"]
Edits = list[tuple[Edit, int]]
LENGTH = 24
edits = st.lists(
    st.tuples(st.sampled_from(["insert", "replace", "remove"]), st.sampled_from(range(LENGTH + 1))),
    min_size=1,
    max_size=2,
)
paths = st.sampled_from(PATHS)


def digest(content: bytes | None) -> str | None:
    return None if content is None else sha256(content).hexdigest()


@dataclass
class People:
    """What people did to one file at the destination: the lines that they wrote, and those of others they removed."""

    wrote: set[bytes] = field(default_factory=set)
    removed: set[bytes] = field(default_factory=set)


class Life(RuleBasedStateMachine):
    """A migration as it is run, with nothing of it replaced but the tree: two dictionaries stand for the folders."""

    def __init__(self) -> None:
        super().__init__()
        # In memory where there is such a place: what a life does counts, not how fast a disk is.
        self.root = Path(mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
        self.unit: dict[str, list[bytes]] = {}
        self.tree: dict[str, list[bytes]] = {}
        self.lock: dict[str, str] = {}
        self.people = {path: People() for path in PATHS}
        self.lines = 0

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    @initialize()
    def first_version(self) -> None:
        for path in PATHS:
            self.unit[path] = [self.line(b"unit") for _ in range(LENGTH)]
        self.migrate()

    @rule(path=paths, edits=edits)
    def the_unit_changes(self, path: str, edits: Edits) -> None:
        for edit, at in edits:
            self.edit(self.unit.setdefault(path, []), edit, at, b"unit")

    @rule(path=paths, edits=edits)
    def people_edit(self, path: str, edits: Edits) -> None:
        for edit, at in edits:
            new, gone = self.edit(self.tree.setdefault(path, []), edit, at, b"people")
            self.people[path].wrote = (self.people[path].wrote | new) - gone
            self.people[path].removed |= gone

    @rule(theirs=edits, ours=edits, path=paths)
    def both_edit_and_it_is_migrated(self, theirs: Edits, ours: Edits, path: str) -> None:
        self.the_unit_changes(path, theirs)
        self.people_edit(path, ours)
        self.migrate()

    @rule(path=paths, what=st.sampled_from(["left", "deleted", "lost", "deleted, lost", *["nothing"] * 3]))
    def something_rare_happens(self, path: str, what: str) -> None:
        if what == "left":
            self.unit.pop(path, None)
        if "deleted" in what:
            self.people[path].removed |= set(self.tree.pop(path, []))
            self.people[path].wrote.clear()
        if "lost" in what:
            self.bases().prune(set())

    @rule(keeps_both=st.booleans())
    def people_resolve(self, keeps_both: bool) -> None:
        """They leave the lines of both sides, or those of the destination."""
        for laid_out in list_conflicts(self.root, "unit"):
            side = self.root / laid_out.side_path
            if laid_out.kind == "deleted":
                side.write_bytes(b"")
                continue
            decided: list[bytes] = []
            within = b"both"
            for line in side.read_bytes().splitlines(keepends=True):
                within = {b"<": b"ours", b"|": b"base", b"=": b"theirs", b">": b"both"}.get(line[:1], within)
                if line[:1] not in b"<|=>" and within != b"base" and (keeps_both or within != b"theirs"):
                    decided.append(line)
            side.write_bytes(b"".join(decided))
            # What they decide is their edit: they may bring back what they had removed.
            self.people[laid_out.path].removed -= set(decided)

    @rule()
    def migrate(self) -> None:
        """As the steps do it: all files or none, and the unit's own versions are the next bases."""
        theirs = {path: b"".join(lines) for path, lines in self.unit.items()}
        ours = {path: b"".join(lines) for path, lines in self.tree.items()}
        results: dict[str, Merged] = {}
        contents: dict[str, bytes | None] = {}
        conflicts: list[FileConflict] = []
        stops = False
        for path in sorted(self.lock.keys() | theirs.keys()):
            base = self.base(path, ours.get(path), theirs.get(path))
            is_lost = base is None and path in self.lock
            merged = merge_file(path, base=base, ours=ours.get(path), theirs=theirs.get(path), is_base_lost=is_lost)
            results[path], contents[path] = merged, merged.content
            if merged.outcome == "conflict":
                conflicts.append(FileConflict(path, merged, base, ours.get(path), theirs.get(path)))
                decided = read_resolution(
                    self.root,
                    "unit",
                    path,
                    base=digest(base),
                    ours=digest(ours.get(path)),
                    theirs=digest(theirs.get(path)),
                )
                stops |= decided is None
                contents[path] = merged.content if decided is None else decided.content
        if stops:
            write_conflicts(self.root, "unit", conflicts)
            return
        self.check_that_the_units_changes_arrive(results, contents)
        self.bases().keep(theirs.values())
        self.lock = {path: sha256(content).hexdigest() for path, content in theirs.items()}
        for path, content in contents.items():
            if content is None:
                self.tree.pop(path, None)
            else:
                self.tree[path] = content.splitlines(keepends=True)
        clear_conflicts(self.root, "unit")

    @rule(keeps_both=st.booleans())
    def migrating_again_changes_nothing(self, keeps_both: bool) -> None:
        self.migrate()
        self.people_resolve(keeps_both)
        self.migrate()
        assert list_conflicts(self.root, "unit") == ()
        before = {path: list(lines) for path, lines in self.tree.items()}
        self.migrate()
        assert self.tree == before

    @invariant()
    def what_people_wrote_is_there(self) -> None:
        for path, people in self.people.items():
            assert people.wrote <= set(self.tree.get(path, []))

    @invariant()
    def what_people_removed_does_not_come_back(self) -> None:
        for path, people in self.people.items():
            assert people.removed.isdisjoint(self.tree.get(path, []))

    def check_that_the_units_changes_arrive(
        self, results: dict[str, Merged], contents: dict[str, bytes | None]
    ) -> None:
        for path, merged in results.items():
            base = self.base(path, None, None)
            if merged.outcome not in ("taken", "merged") or base is None or path not in self.unit:
                continue
            known = set(base.splitlines(keepends=True))
            made = set((contents[path] or b"").splitlines(keepends=True))
            assert set(self.unit[path]) - known <= made
            assert made.isdisjoint(known - set(self.unit[path]))

    def base(self, path: str, ours: bytes | None, theirs: bytes | None) -> bytes | None:
        if path not in self.lock:
            return None
        return find_base(self.lock[path], ours=ours, theirs=theirs, bases=self.bases(), root=self.root)

    def bases(self) -> Bases:
        return Bases(self.root / "bases")

    def line(self, who: bytes) -> bytes:
        self.lines += 1
        return b"%s %d\n" % (who, self.lines)

    def edit(self, lines: list[bytes], edit: Edit, at: int, who: bytes) -> tuple[set[bytes], set[bytes]]:
        """Edit the lines; return which are new and which are gone."""
        gone = set(lines[at : at + 1]) if edit != "insert" else set()
        new = [self.line(who)] if edit != "remove" else []
        lines[at : at + (edit != "insert")] = new
        return set(new), gone


Life.TestCase.settings = settings(
    max_examples=120,
    stateful_step_count=25,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestLife = Life.TestCase
