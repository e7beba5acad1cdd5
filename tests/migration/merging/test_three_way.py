"""What one side changed is taken, what both changed is merged, and what cannot be decided stops: whole files."""

from typing import get_args

import pytest

from repo_agent_dagster.contracts.migration import MergeMethod
from repo_agent_dagster.migration.merging.outcome import Labels, Merged
from repo_agent_dagster.migration.merging.three_way import merge_executable, merge_file

METHODS: tuple[MergeMethod, ...] = get_args(MergeMethod)
BASE, OURS, THEIRS = b"one\ntwo\nthree\n", b"ONE\ntwo\nthree\n", b"one\ntwo\nTHREE\n"
CLASH = b"eins\ntwo\nthree\n"


def merged(
    base: bytes | None,
    ours: bytes | None,
    theirs: bytes | None,
    method: MergeMethod = "three-way",
    *,
    is_base_lost: bool = False,
) -> Merged:
    return merge_file("src/a.txt", base=base, ours=ours, theirs=theirs, method=method, is_base_lost=is_base_lost)


@pytest.mark.parametrize("method", METHODS)
class TestWithoutTwoChangesTheMethodHasNoSay:
    def test_what_only_the_unit_changed_is_taken(self, method: MergeMethod) -> None:
        assert merged(BASE, BASE, THEIRS, method) == Merged("taken", THEIRS)

    def test_what_was_only_edited_here_is_kept(self, method: MergeMethod) -> None:
        found = merged(BASE, OURS, BASE, method)
        assert (found.outcome, found.content) == ("kept", OURS)
        assert found.reason == "kept as it is: edited here, and the unit did not change it"

    def test_what_was_only_deleted_here_stays_deleted(self, method: MergeMethod) -> None:
        found = merged(BASE, None, BASE, method)
        assert (found.outcome, found.content) == ("kept", None)
        assert found.reason == "kept as it is: deleted here, and the unit did not change it"

    def test_what_only_left_the_unit_is_deleted(self, method: MergeMethod) -> None:
        assert merged(BASE, BASE, None, method) == Merged("taken", None, "left the unit")

    @pytest.mark.parametrize("base", [None, BASE])
    @pytest.mark.parametrize("both", [None, OURS, b"\0binary"])
    def test_what_both_sides_have_alike_is_fine(
        self, method: MergeMethod, base: bytes | None, both: bytes | None
    ) -> None:
        assert merged(base, both, both, method) == Merged("kept", both)

    def test_a_new_file_is_taken(self, method: MergeMethod) -> None:
        assert merged(None, None, THEIRS, method) == Merged("taken", THEIRS)

    def test_a_file_that_the_unit_never_had_is_left_alone(self, method: MergeMethod) -> None:
        found = merged(None, OURS, None, method)
        assert (found.outcome, found.content) == ("kept", OURS)


def test_changes_of_both_sides_are_merged() -> None:
    found = merged(BASE, OURS, THEIRS)
    assert found == Merged("merged", b"ONE\ntwo\nTHREE\n", "merged: changed here and in the unit")


def test_overlapping_changes_are_a_conflict_and_what_stands_stays() -> None:
    found = merged(BASE, OURS, CLASH)
    assert (found.outcome, found.content, found.kind, found.conflicts) == ("conflict", OURS, "text", 1)
    assert found.reason == "edited here since the last migration, and changed in the unit"
    assert found.must_stop


def test_a_conflict_is_marked_as_git_marks_it_with_the_base_between() -> None:
    marked = merged(BASE, OURS, CLASH).marked
    assert marked == (b"<<<<<<< destination\nONE\n||||||| base\none\n=======\neins\n>>>>>>> unit\ntwo\nthree\n")


def test_the_labels_can_be_chosen() -> None:
    labels = Labels("mine", "v2", "v1")
    marked = merge_file("a", base=BASE, ours=OURS, theirs=CLASH, labels=labels).marked or b""
    assert [line.split()[1] for line in marked.split(b"\n") if line[:1] in b"<|>" and line] == [b"mine", b"v1", b"v2"]


def test_a_file_deleted_here_that_the_unit_changed_is_a_conflict() -> None:
    found = merged(BASE, None, THEIRS)
    assert (found.outcome, found.content, found.kind) == ("conflict", None, "deleted")
    assert found.reason == "deleted here since the last migration, and changed in the unit"


def test_a_file_edited_here_that_left_the_unit_is_kept_and_told() -> None:
    found = merged(BASE, OURS, None)
    assert (found.outcome, found.content) == ("kept", OURS)
    assert found.reason == "kept as it is: edited here, though it left the unit"


def test_a_file_that_no_migration_wrote_is_a_conflict() -> None:
    found = merged(None, OURS, THEIRS)
    assert (found.outcome, found.content, found.kind) == ("conflict", OURS, "text")
    assert found.reason == "exists already and was not written by a migration"


def test_without_a_base_only_what_differs_is_marked_and_each_place_counts() -> None:
    found = merged(None, OURS, THEIRS)
    assert found.conflicts == 2
    assert found.marked == (
        b"<<<<<<< destination\nONE\n=======\none\n>>>>>>> unit\n"
        b"two\n<<<<<<< destination\nthree\n=======\nTHREE\n>>>>>>> unit\n"
    )


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [(BASE, OURS, THEIRS), (BASE, OURS, CLASH), (BASE, None, THEIRS), (BASE, OURS, None), (None, OURS, THEIRS)],
)
class TestTheMethodDecidesWhereBothChanged:
    def test_ours_leaves_what_stands(self, base: bytes | None, ours: bytes | None, theirs: bytes | None) -> None:
        found = merged(base, ours, theirs, "ours")
        assert (found.outcome, found.content) == ("kept", ours)

    def test_theirs_takes_the_units(self, base: bytes | None, ours: bytes | None, theirs: bytes | None) -> None:
        found = merged(base, ours, theirs, "theirs")
        assert (found.outcome, found.content) == ("taken", theirs)

    def test_refuse_stops(self, base: bytes | None, ours: bytes | None, theirs: bytes | None) -> None:
        found = merged(base, ours, theirs, "refuse")
        assert (found.outcome, found.content) == ("refused", ours)
        assert found.must_stop
        assert "refuse" in (found.reason or "")


class TestALostBase:
    """The unit brought the file before, but what it brought is nowhere: nothing may be taken for unchanged."""

    def test_two_versions_are_a_conflict(self) -> None:
        found = merged(None, OURS, THEIRS, is_base_lost=True)
        assert (found.outcome, found.kind) == ("conflict", "text")
        assert "not kept any more" in (found.reason or "")

    def test_keys_of_json_that_people_may_have_removed_do_not_come_back(self) -> None:
        found = merged(None, b'{"a": 1}', b'{"a": 1, "b": 2}', "json-merge", is_base_lost=True)
        assert (found.outcome, found.content) == ("conflict", b'{"a": 1}')

    def test_a_file_deleted_here_is_not_made_again(self) -> None:
        found = merged(None, None, THEIRS, is_base_lost=True)
        assert (found.outcome, found.kind) == ("conflict", "deleted")

    def test_a_file_that_left_the_unit_is_kept(self) -> None:
        found = merged(None, OURS, None, is_base_lost=True)
        assert (found.outcome, found.content) == ("kept", OURS)


@pytest.mark.parametrize("side", ["base", "ours", "theirs"])
def test_binary_files_that_both_changed_are_a_conflict_without_markers(side: str) -> None:
    sides = {"base": b"a\nb\n", "ours": b"A\nb\n", "theirs": b"a\nb\nc\n"}
    sides[side] = b"\x89PNG\0" + sides[side]
    found = merged(**sides)
    assert (found.outcome, found.kind, found.marked, found.conflicts) == ("conflict", "binary", None, 1)
    assert found.content == sides["ours"]


def test_a_binary_file_that_only_the_unit_changed_is_taken() -> None:
    assert merged(b"\0one", b"\0one", b"\0two").content == b"\0two"


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        (False, False, True, True),
        (False, True, False, True),
        (True, True, False, False),
        (True, False, True, False),
        (False, True, True, True),
        (True, False, False, False),
        (None, True, False, False),
        (None, False, True, True),
    ],
)
def test_the_executable_bit_is_as_the_side_that_changed_it_says(
    base: bool | None, ours: bool, theirs: bool, expected: bool
) -> None:
    assert merge_executable(base, ours, theirs) is expected
