"""Marked regions as places, and declarations that stay first."""

from pathlib import Path
from typing import Any

import pytest

from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import (
    InvalidPatch,
    MarkerPattern,
    OverlappingPatches,
    PatchConflict,
    Workspace,
    apply_batch,
)
from repo_agent_dagster.patching.text.marker_files import scan_files
from repo_agent_dagster.store.patch_events import StoreCustody
from tests.patching.conftest import Apply
from tests.patching.trees import fill


def opening(name: str, before: str = "# ", after: str = "") -> str:
    return f"{before}###FINAL_MILE_PROMPT__{name}###{after}\n"


def closing(name: str, before: str = "# ", after: str = "") -> str:
    return f"{before}###END_{name}###{after}\n"


def at(op: str, name: str = "A", block: str = "new", **more: Any) -> dict[str, Any]:
    return {"op": op, "file": "f", "at": {"marker": name}, "block": block, **more}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# ", ""),
        ("// ", ""),
        ("/* ", " */"),
        ("<!-- ", " -->"),
        ("-- ", ""),
        ("    {/* ", " */}"),
        ("", ""),
        ("% x ", " y"),
    ],
)
def test_a_region_lies_between_its_markers_in_any_comment_syntax(
    root: Path, patch: Apply, before: str, after: str
) -> None:
    first, last = opening("A", before, after), closing("A", before, after)
    (root / "f").write_text(f"top\n{first}old\nold\n{last}end\n")
    patch(at("replace-block"))
    assert (root / "f").read_text() == f"top\n{first}new\n{last}end\n"


@pytest.mark.parametrize("region", ["", "old\n", "old\n\nold\n"])
def test_blocks_go_to_the_top_and_the_bottom_of_a_region(root: Path, patch: Apply, region: str) -> None:
    (root / "f").write_text(opening("A") + region + closing("A"))
    patch(at("insert-before", block="top"), at("insert-after", block="bottom"))
    assert (root / "f").read_text() == f"{opening('A')}top\n{region}bottom\n{closing('A')}"


@pytest.mark.parametrize(
    ("region", "block", "expected"), [("", "new", "new\n"), ("old\n", "", ""), ("  old\n", "new", "new\n")]
)
def test_a_region_can_be_filled_and_emptied(root: Path, patch: Apply, region: str, block: str, expected: str) -> None:
    (root / "f").write_text(opening("A") + region + closing("A"))
    patch(at("replace-block", block=block))
    assert (root / "f").read_text() == opening("A") + expected + closing("A")


def test_open_space_indents_to_the_region(root: Path, patch: Apply) -> None:
    (root / "f").write_text(opening("A", "    # ") + "    old\n" + closing("A", "    # "))
    patch(at("replace-block", block="if x:\n    y", openSpace=True))
    assert "\n    if x:\n        y\n    #" in (root / "f").read_text()


def test_regions_may_lie_in_each_other_but_not_be_changed_both(root: Path, patch: Apply) -> None:
    inner = opening("B") + "old\n" + closing("B")
    (root / "f").write_text(opening("A") + inner + closing("A"))
    with pytest.raises(OverlappingPatches, match=r"f at A.* and .*f at B"):
        patch(at("replace-block"), at("replace-block", "B"))
    patch(at("replace-block", "B"), at("insert-before", block="above"))
    assert (root / "f").read_text() == opening("A") + "above\n" + inner.replace("old", "new") + closing("A")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x\n", r"f has no marker A .*; its markers: none"),
        (opening("B") + closing("B"), "its markers: B"),
        (opening("A"), "f:1: marker A is never closed"),
        (closing("A"), "f:1: marker A is closed, but not open"),
        (opening("A") + closing("A") + opening("A") + closing("A"), "f:3: marker A opens a second time"),
        (
            opening("B") + opening("A") + closing("B") + closing("A"),
            "f:2: marker A is not closed before B is, on line 3",
        ),
        (opening("A", after=" ###END_A###"), "f:1: marker A opens and closes on one line"),
    ],
)
def test_a_malformed_marker_is_told_with_file_and_line(root: Path, patch: Apply, text: str, told: str) -> None:
    (root / "f").write_text(text)
    with pytest.raises(PatchConflict, match=told):
        patch(at("replace-block"))
    assert (root / "f").read_text() == text


def test_another_pattern_is_the_workspaces(root: Path, custody: StoreCustody, now: Any) -> None:
    text = "// <<{A}>>\nold\n// <</A>>\n"
    (root / "f").write_text(text.replace("{A}", "A"))
    workspace = Workspace(root, markers=MarkerPattern("<<{name}>>", "<</{name}>>"))
    apply_batch(workspace, PatchBatch(patches=[at("replace-block")]), custody=custody, now=now)
    assert (root / "f").read_text() == "// <<A>>\nnew\n// <</A>>\n"


@pytest.mark.parametrize(("first", "second"), [("x", "y"), ("{name}", "<{name}>"), ("<{name}>", "<{name}>")])
def test_a_pattern_that_cannot_tell_regions_is_refused(first: str, second: str) -> None:
    with pytest.raises(InvalidPatch, match="marker"):
        MarkerPattern(first, second)


def test_all_regions_and_what_is_wrong_with_others_are_listed(root: Path) -> None:
    fill(
        root,
        {
            "a": (opening("A") + closing("A") + opening("B")).encode(),
            "node_modules/x": opening("A").encode(),
            "blob": b"\0" + opening("A").encode(),
            "plain": b"x\n",
        },
    )
    (found,) = scan_files(Workspace(root))
    assert (found.path, [one.name for one in found.regions]) == ("a", ["A"])
    assert [(one.name, one.line, one.problem) for one in found.problems] == [("B", 3, "is never closed")]


BOM = "\ufeff"


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("#!/bin/sh\nx\n", 1),
        (f"{BOM}#!/bin/sh\nx\n", 1),
        ("#!/usr/bin/python\n# -*- coding: utf-8 -*-\nx\n", 2),
        ("# vim: set fileencoding=latin-1 :\nx\n", 1),
        ('<?xml version="1.0"?>\n<a/>\n', 1),
        ('<?xml version="1.0"?>\r\n<a/>\r\n', 1),
        ('@charset "utf-8";\na {}\n', 1),
        ('<?xml version="1.0"?><a/>\n', 0),
        ("# a comment\n# coding: utf-8\nx\n", 0),
        ("x\n#!/bin/sh\n", 0),
        ("#!/bin/sh", 1),
        ("", 0),
    ],
)
def test_what_is_prepended_comes_after_declarations_unless_it_is_strict(
    root: Path, patch: Apply, text: str, stays: int
) -> None:
    for strict in (False, True):
        (root / "f").write_bytes(text.encode())
        patch({"op": "prepend", "file": "f", "block": "new", "strict": strict})
        lines = (root / "f").read_bytes().decode().removeprefix(BOM).splitlines()
        expected = text.removeprefix(BOM).splitlines()
        expected.insert(0 if strict else stays, "new")
        assert lines == expected
        assert (root / "f").read_bytes().startswith(BOM.encode()) == text.startswith(BOM)
