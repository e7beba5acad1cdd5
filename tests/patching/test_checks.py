"""What a check does to a batch: what it adds counts, it is taken back whole, and the guilty patch is named."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.patching import (
    CheckFailed,
    CheckUnusable,
    CheckWithoutVerdict,
    Finding,
    Overlay,
    PatchConflict,
    PythonSyntaxChecker,
)
from repo_agent_dagster.patching.checks.findings import added_findings
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.patch_events import StoredEvent, listing
from tests.patching.conftest import Apply
from tests.patching.trees import fill, folders, snapshot


def append(file: str, block: str = "x", **more: Any) -> dict[str, Any]:
    return {"op": "append", "file": file, "block": block, **more}


def events(store: Engine) -> list[StoredEvent]:
    with read_transaction(store) as conn:
        return listing(conn)


class ScriptedChecker:
    """Answers each look by the next of its answers, and remembers what it was shown."""

    name = "scripted"

    def __init__(self, *answers: Callable[[Path], Sequence[Finding]]) -> None:
        self.answers = list(answers)
        self.overlays: list[Overlay] = []
        self.changed: list[Collection[str]] = []
        self.closed = 0

    def check(self, root: Path, overlay: Overlay, *, changed: Collection[str] = ()) -> Sequence[Finding]:
        self.overlays.append(overlay)
        self.changed.append(changed)
        return self.answers.pop(0)(root)

    def close(self) -> None:
        self.closed += 1


def nothing(_root: Path) -> Sequence[Finding]:
    return []


def raising(error: BaseException) -> Callable[[Path], Sequence[Finding]]:
    def check(_root: Path) -> Sequence[Finding]:
        raise error

    return check


class TestVerdict:
    def test_a_batch_that_adds_a_finding_is_reverted_and_recorded_so(
        self, root: Path, patch: Apply, sqlite_store: Engine
    ) -> None:
        fill(root, {"f.py": b"a = 1\n", "g": b"b\n"})
        (root / "f.py").chmod(0o755)
        before = snapshot(root)
        with pytest.raises(CheckFailed, match=r"f\.py:2: syntax") as failure:
            patch(append("f.py", "b = ("), append("g"), checker=PythonSyntaxChecker())
        assert [finding.file for finding in failure.value.findings] == ["f.py"]
        assert snapshot(root) == before
        told = [(one.event, one.ts_check_ok) for one in events(sqlite_store)[4:]]
        assert told == [("patch_failed", False)] * 2 + [("patch_reverted", None)] * 2
        meta = events(sqlite_store)[4].meta or {}
        assert [meta[f"findings_{when}"] for when in ("before", "after", "added")] == [0, 1, 1]

    def test_a_finding_that_was_there_before_stops_nothing(
        self, root: Path, patch: Apply, sqlite_store: Engine
    ) -> None:
        fill(root, {"broken.py": b"x = (\n", "f.py": b"a = 1\n"})
        patch(
            {"op": "prepend", "file": "broken.py", "block": "# moves the error down\n#"},
            append("f.py", "b = 2"),
            checker=PythonSyntaxChecker(),
        )
        validated = events(sqlite_store)[4:]
        assert [(one.event, one.ts_check_ok) for one in validated] == [("patch_validated", True)] * 2
        counts = {"findings_before": 1, "findings_after": 1, "findings_added": 0}
        assert validated[0].meta == {"check": "python syntax", **counts}

    def test_without_a_check_nothing_is_counted_as_well(self, root: Path, patch: Apply, sqlite_store: Engine) -> None:
        fill(root, {"f": b"a\n"})
        patch(append("f"))
        assert [(one.event, one.ts_check_ok) for one in events(sqlite_store)] == [
            ("patch_requested", None),
            ("patch_applied", None),
        ]

    def test_what_was_made_moved_and_deleted_is_put_back_with_its_permissions(self, root: Path, patch: Apply) -> None:
        fill(root, {"a/old.py": b"a = 1\n", "gone.py": b"g = 1\n"})
        (root / "a/old.py").chmod(0o777)
        (root / "gone.py").chmod(0o660)
        before, before_folders = snapshot(root), folders(root)
        with pytest.raises(CheckFailed, match=r"b/new\.py:2: syntax.*\n.*patches\[2\]"):
            patch(
                {"op": "move-file", "file": "a/old.py", "to": "b/new.py"},
                {"op": "delete-file", "file": "gone.py"},
                append("b/new.py", "x = ("),
                {"op": "create-file", "file": "c/made.py", "content": "c = 1\n"},
                coordinates="sequential",
                checker=PythonSyntaxChecker(),
            )
        assert (snapshot(root), folders(root)) == (before, before_folders)

    def test_an_old_finding_moves_with_its_file(self, root: Path, patch: Apply) -> None:
        fill(root, {"old.py": b"x = (\n"})
        patch({"op": "move-file", "file": "old.py", "to": "new.py"}, checker=PythonSyntaxChecker())
        assert (root / "new.py").exists()

    def test_a_checker_that_changes_the_file_loses_nobodys_work(
        self, root: Path, patch: Apply, sqlite_store: Engine
    ) -> None:
        fill(root, {"f": b"a\n"})

        def format_it(root: Path) -> Sequence[Finding]:
            (root / "f").write_bytes(b"formatted\n")
            return [Finding("f", 1, "E", "wrong")]

        with pytest.raises(PatchConflict, match="changed during the check"):
            patch(append("f"), checker=ScriptedChecker(nothing, format_it))
        assert (root / "f").read_bytes() == b"formatted\n"
        assert [one.event for one in events(sqlite_store)][-1] == "patch_failed"

    def test_the_checks_run_ends_with_the_batch(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"a\n"})
        checker = ScriptedChecker(nothing, nothing)
        patch(append("f"), checker=checker)
        assert (checker.closed, checker.changed) == (1, [("f",)] * 2)


class TestNoVerdict:
    @pytest.mark.parametrize("kind", [CheckWithoutVerdict, CheckUnusable])
    def test_a_check_that_cannot_tell_after_takes_the_batch_back(
        self, root: Path, patch: Apply, sqlite_store: Engine, kind: type[Exception]
    ) -> None:
        fill(root, {"f": b"a\n"})
        before = snapshot(root)
        with pytest.raises(kind, match="gave no verdict, so the batch was reverted: it took too long"):
            patch(append("f"), checker=ScriptedChecker(nothing, raising(kind("it took too long"))))
        assert snapshot(root) == before
        told = [(one.event, one.ts_check_ok) for one in events(sqlite_store)]
        assert told[1:] == [("patch_applied", None), ("patch_failed", None), ("patch_reverted", None)]

    def test_an_interrupted_check_takes_the_batch_back(self, root: Path, patch: Apply, sqlite_store: Engine) -> None:
        fill(root, {"f": b"a\n"})
        checker = ScriptedChecker(nothing, raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            patch(append("f"), checker=checker)
        assert (root / "f").read_bytes() == b"a\n"
        assert [one.event for one in events(sqlite_store)][-2:] == ["patch_failed", "patch_reverted"]
        assert checker.closed == 1

    def test_a_check_that_cannot_tell_before_writes_nothing(
        self, root: Path, patch: Apply, sqlite_store: Engine
    ) -> None:
        fill(root, {"f": b"a\n"})
        with pytest.raises(CheckWithoutVerdict):
            patch(append("f"), checker=ScriptedChecker(raising(CheckWithoutVerdict("crashed"))))
        assert (root / "f").read_bytes() == b"a\n"
        assert [(one.event, one.error) for one in events(sqlite_store)] == [
            ("patch_requested", None),
            ("patch_failed", "crashed"),
        ]

    def test_a_batch_may_bring_what_its_check_needs(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"a\n"})
        old = Finding("f", 1, "E", "old")
        with pytest.raises(CheckFailed, match="old"):
            patch(append("f"), checker=ScriptedChecker(raising(CheckUnusable("no config")), lambda _: [old]))
        patch(append("f"), checker=ScriptedChecker(raising(CheckUnusable("no config")), nothing))
        assert (root / "f").read_bytes() == b"a\nx\n"


class TestGuilty:
    def test_the_patch_that_brought_the_finding_is_named(self, root: Path, patch: Apply, sqlite_store: Engine) -> None:
        fill(root, {f"f{number}.py": b"a = 1\n" for number in range(9)})
        blocks = ["ok = 1"] * 5 + ["broken = ("] + ["ok = 2"] * 3
        with pytest.raises(CheckFailed, match=r"came with patches\[5\] \(append on f5\.py, id ") as failure:
            patch(
                *(append(f"f{number}.py", block) for number, block in enumerate(blocks)), checker=PythonSyntaxChecker()
            )
        guilty = failure.value.guilty
        requested, failed = events(sqlite_store)[5], events(sqlite_store)[18]
        assert guilty is not None
        assert (guilty.index, guilty.file, guilty.op) == (5, "f5.py", "append")
        assert (requested.file_path, requested.patch_id) == ("f5.py", guilty.patch_id)
        assert failed.meta is not None
        assert failed.meta["guilty"] == {"index": 5, "file": "f5.py", "op": "append", "patch_id": guilty.patch_id}
        assert [finding["file"] for finding in failed.meta["findings"]] == ["f5.py"]

    def test_what_a_later_patch_of_the_batch_repairs_is_nobodys_guilt(self, root: Path, patch: Apply) -> None:
        fill(root, {"f.py": b"a = 1\n", "g.py": b"b = 1\n", "h.py": b"c = 1\n"})
        with pytest.raises(CheckFailed, match=r"patches\[2\] \(append on g\.py"):
            patch(
                append("f.py", "x = ("),
                append("f.py", ")"),
                append("g.py", "y = ["),
                append("h.py", "z = 1"),
                checker=PythonSyntaxChecker(),
            )

    def test_many_patches_take_few_looks(self, root: Path, patch: Apply) -> None:
        fill(root, {"f.py": b"a = 1\n"})
        blocks = ["ok = 1"] * 700 + ["broken = ]"] + ["ok = 2"] * 299
        looks = 0

        class Counting(PythonSyntaxChecker):
            def check(self, *arguments: Any, **named: Any) -> Sequence[Finding]:
                nonlocal looks
                looks += 1
                return super().check(*arguments, **named)

        with pytest.raises(CheckFailed, match=r"patches\[700\]"):
            patch(*(append("f.py", block) for block in blocks), checker=Counting())
        assert looks <= 2 + 10

    def test_looking_for_it_writes_nothing(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"a\n", "g": b"b\n"})
        seen: list[dict[str, bytes]] = []
        new = Finding("g", 2, "E", "new")

        def look(root: Path) -> Sequence[Finding]:
            seen.append({name: content for name, (content, _) in snapshot(root).items()})
            return [new]

        checker = ScriptedChecker(nothing, look, look)
        with pytest.raises(CheckFailed, match=r"patches\[0\] \(append on f"):
            patch(append("f"), append("g"), checker=checker)
        assert seen == [{"f": b"a\nx\n", "g": b"b\nx\n"}] * 2
        assert checker.overlays[2] == {"f": b"a\nx\n", "g": b"b\n"}

    def test_a_check_that_fails_meanwhile_leaves_it_unnamed(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"a\n"})
        new = Finding("f", 2, "E", "new")
        checker = ScriptedChecker(nothing, lambda _: [new], raising(CheckWithoutVerdict("crashed")))
        with pytest.raises(CheckFailed) as failure:
            patch(append("f"), append("f"), checker=checker)
        assert failure.value.guilty is None
        assert (root / "f").read_bytes() == b"a\n"


class TestComparison:
    def found(self, message: str, line: int = 1, file: str = "f", code: str = "E") -> Finding:
        return Finding(file, line, code, message)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("name 'x' already defined on line 3", "name 'x' already defined on line 44"),
            ("see lines 3-7", "see lines 8-12"),
            ("first at src/a.ts:3:1", "first at src/a.ts:99:12"),
            ("first at src/a.ts(3,1)", "first at src/a.ts(99,12)"),
        ],
    )
    def test_places_in_a_message_do_not_make_it_new(self, before: str, after: str) -> None:
        assert added_findings([self.found(before, 3)], [self.found(after, 9)]) == []

    @pytest.mark.parametrize(
        "new",
        [
            Finding("f", 1, "E", "expects 3 arguments"),
            Finding("f", 1, "F", "expects 2 arguments"),
            Finding("g", 1, "E", "expects 2 arguments"),
        ],
    )
    def test_another_message_code_or_file_is_new(self, new: Finding) -> None:
        assert added_findings([self.found("expects 2 arguments")], [new]) == [new]

    def test_equal_findings_are_counted(self) -> None:
        one = self.found("same", 1)
        again = self.found("same", 2)
        assert added_findings([one], [one, again]) == [again]

    def test_findings_move_with_their_file(self) -> None:
        old, new = self.found("same", file="a.py"), self.found("same", file="b/a.py")
        assert added_findings([old], [new]) == [new]
        assert added_findings([old], [new], {"a.py": "b/a.py"}) == []

    def test_a_failed_command_that_took_longer_says_nothing_new(self) -> None:
        before = self.found("2 failed in 0.31s at 0x7fab", code="exit")
        assert added_findings([before], [self.found("2 failed in 12.5s at 0x7fcd", code="exit")]) == []
        assert len(added_findings([before], [self.found("3 failed in 0.31s", code="exit")])) == 1


class TestPythonSyntax:
    def test_only_sources_of_the_project_are_checked(self, root: Path) -> None:
        bad = b"x = (\n"
        fill(root, {"node_modules/a.py": bad, ".venv/b.py": bad, "c.py": bad, "d.txt": bad, "e.py": b"x = '\\d'\n"})
        (root / "nul.py").write_bytes(b"a = 1\0\n")
        (root / "link.py").symlink_to("c.py")
        assert sorted(finding.file for finding in PythonSyntaxChecker().check(root)) == ["c.py", "nul.py"]

    def test_an_overlay_is_seen_in_place_of_the_disk(self, root: Path) -> None:
        bad = b"x = (\n"
        fill(root, {"gone.py": bad, "mended.py": bad, "broken.py": b"a = 1\n"})
        overlay = {"gone.py": None, "mended.py": b"a = 1\n", "broken.py": bad, "new.py": bad, ".venv/new.py": bad}
        assert [finding.file for finding in PythonSyntaxChecker().check(root, overlay)] == ["broken.py", "new.py"]

    def test_a_source_beyond_the_parsers_limits_is_a_finding(self, root: Path) -> None:
        fill(root, {"deep.py": b"x = " + b"(" * 5000 + b")" * 5000 + b"\n"})
        assert [finding.code for finding in PythonSyntaxChecker().check(root)] == ["syntax"]
