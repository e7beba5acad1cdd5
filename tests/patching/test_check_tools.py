"""Checks by real tools on the host, for trusted workspaces: python (compile, ruff, mypy) and commands."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from repo_agent_dagster.contracts.patches import CommandCheck
from repo_agent_dagster.patching import Checker, CheckFailed, CheckUnusable, CheckWithoutVerdict
from repo_agent_dagster.patching.checks import host_bench, tree_index
from repo_agent_dagster.patching.checks.bench import Seen
from repo_agent_dagster.patching.checks.host_bench import HostBench, host_identity
from repo_agent_dagster.patching.checks.recipes import recipe_of
from repo_agent_dagster.patching.checks.tool_checker import ToolChecker
from repo_agent_dagster.patching.checks.tree_index import TreeIndex
from tests.patching.conftest import Apply
from tests.patching.trees import fill, snapshot

MakeChecker = Callable[..., ToolChecker]


@pytest.fixture
def host(root: Path) -> MakeChecker:
    """Make a check that runs on the host; counts how often a bench was opened."""

    def make(check: Any, timeout_seconds: float = 60) -> ToolChecker:
        recipe = recipe_of(check)

        def open_bench() -> HostBench:
            make.opened += 1  # type: ignore[attr-defined]
            return HostBench(root, timeout_seconds)

        return ToolChecker(recipe, open_bench, lambda where: host_identity(where, recipe.programs))

    make.opened = 0  # type: ignore[attr-defined]
    return make


def command(*words: str) -> CommandCheck:
    return CommandCheck(command=list(words))


def shell(script: str) -> CommandCheck:
    return command("sh", "-c", script)


def found(checker: Checker, root: Path, **named: Any) -> list[tuple[str, int, str]]:
    try:
        return [(one.file, one.line, one.code) for one in checker.check(root, **named)]
    finally:
        checker.close()


def runs(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class TestPython:
    def test_what_does_not_compile_and_what_ruff_finds_is_told(self, root: Path, host: MakeChecker) -> None:
        fill(root, {"bad.py": b"x = (\n", "pkg/unused.py": b"import os\n", "good.py": b"a = 1\n"})
        assert sorted(found(host("python"), root)) == [("bad.py", 1, "syntax"), ("pkg/unused.py", 1, "F401")]

    def test_mypy_runs_where_it_is_configured(self, root: Path, host: MakeChecker) -> None:
        wrong = b"def f() -> str:\n    return 1\n"
        fill(root, {"f.py": wrong})
        assert found(host("python"), root) == []
        fill(root, {"pyproject.toml": b'[tool.mypy]\nfiles = ["f.py"]\n'})
        assert found(host("python"), root) == [("f.py", 2, "return-value")]
        (root / "pyproject.toml").unlink()
        fill(root, {"setup.cfg": b"[mypy]\nstrict = true\n"})
        assert found(host("python"), root) == [("f.py", 2, "return-value")]

    def test_the_workspace_is_left_as_it_is(self, root: Path, host: MakeChecker) -> None:
        fill(root, {"f.py": b"import os\n", "mypy.ini": b"[mypy]\nfiles = f.py\n"})
        before = snapshot(root)
        found(host("python"), root)
        assert snapshot(root) == before

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("pyproject.toml", b"[tool.mypy\n", "pyproject.toml"),
            ("ruff.toml", b"unknown-option = 1\n", "ruff ended with exit code 2"),
            ("mypy.ini", b"[mypy]\nplugins = there_is_none\n", "mypy ended with exit code 2"),
        ],
    )
    def test_a_configuration_that_a_tool_refuses_is_no_verdict(
        self, root: Path, host: MakeChecker, name: str, content: bytes, message: str
    ) -> None:
        fill(root, {"f.py": b"a = 1\n", name: content})
        with pytest.raises(CheckUnusable, match=message):
            found(host("python"), root)

    def test_the_projects_own_tools_are_used(self, root: Path, host: MakeChecker) -> None:
        fill(root, {"f.py": b"import os\n", ".venv/bin/ruff": b"#!/bin/sh\necho '[]'\n"})
        (root / ".venv/bin/ruff").chmod(0o755)
        assert found(host("python"), root) == []

    def test_ruff_may_be_missing_unless_it_is_configured(
        self, root: Path, host: MakeChecker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(root, {"f.py": b"import os\n"})
        tools = root.parent / "tools"
        tools.mkdir()
        (tools / "python3").symlink_to(sys.executable)
        monkeypatch.setenv("PATH", str(tools))
        monkeypatch.setattr(host_bench.sys, "executable", str(tools / "python3"))
        assert found(host("python"), root) == []
        fill(root, {"ruff.toml": b""})
        with pytest.raises(CheckUnusable, match="pip install ruff"):
            found(host("python"), root)


class TestCommand:
    def test_exit_code_0_is_well(self, root: Path, host: MakeChecker) -> None:
        fill(root, {"f": b"a\n"})
        assert found(host(shell("echo f:1: only a warning")), root) == []

    def test_a_failed_one_is_told_by_the_places_that_it_names(self, root: Path, host: MakeChecker) -> None:
        fill(root, {"f": b"a\n"})
        assert found(host(shell("echo f:1:7: wrong; echo done >&2; exit 3")), root) == [("f", 1, "output")]
        assert found(host(shell("echo no place; exit 3")), root) == [("", 0, "exit")]

    def test_it_runs_in_the_workspace_with_the_projects_own_programs(self, root: Path, host: MakeChecker) -> None:
        fill(root, {"f": b"a\n", "node_modules/.bin/lint": b"#!/bin/sh\ntest -f f\n"})
        (root / "node_modules/.bin/lint").chmod(0o755)
        assert found(host(command("lint")), root) == []

    @pytest.mark.parametrize("check", [command("no-such-program-at-all"), shell("exec no-such-program-at-all")])
    def test_a_program_that_is_missing_is_no_verdict(self, root: Path, host: MakeChecker, check: CommandCheck) -> None:
        with pytest.raises(CheckUnusable, match="cannot be run"):
            found(host(check), root)

    def test_one_that_takes_too_long_is_ended_with_its_children(self, root: Path, host: MakeChecker) -> None:
        started = time.monotonic()
        script = 'sleep 60 & echo $! > "$0"; wait'
        pid_file = root.parent / "pid"
        with pytest.raises(CheckWithoutVerdict, match=r"within 0\.3 s"):
            found(host(command("sh", "-c", script, str(pid_file)), timeout_seconds=0.3), root)
        assert time.monotonic() - started < 10
        child = int(pid_file.read_text())
        deadline = time.monotonic() + 20
        while runs(child):
            assert time.monotonic() < deadline, "the child lives on"
            time.sleep(0.02)

    def test_one_that_is_killed_has_no_verdict(self, root: Path, host: MakeChecker) -> None:
        for script in ("kill -9 $$", "sh -c 'kill -9 $$'; exit $?"):
            with pytest.raises(CheckWithoutVerdict, match=r"signal 9|was killed"):
                found(host(shell(script)), root)

    def test_one_that_prints_without_end_has_no_verdict(
        self, root: Path, host: MakeChecker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(host_bench, "MAX_OUTPUT_BYTES", 1 << 20)
        with pytest.raises(CheckWithoutVerdict, match="printed more than 1 MiB"):
            found(host(command("yes")), root)

    def test_a_program_that_a_patch_breaks_names_the_patch(self, root: Path, host: MakeChecker, patch: Apply) -> None:
        fill(root, {"sum.sh": b"a=1\nb=2\n", "test.sh": b". ./sum.sh\ntest $((a + b)) = 3\n"})
        before = snapshot(root)

        def change(line: int, block: str) -> dict[str, Any]:
            return {"op": "replace-block", "file": "sum.sh", "start": line, "end": line, "block": block}

        with pytest.raises(CheckFailed, match=r"patches\[1\] \(replace-block on sum\.sh") as failure:
            patch(change(1, "a=01"), change(2, "b=3"), checker=host(command("sh", "test.sh")))
        assert [finding.code for finding in failure.value.findings] == ["exit"]
        assert snapshot(root) == before


class TestTsc:
    """How the compiler is called; a script stands for it, as it is not part of this machine. The real one: pathways."""

    COMPILER = b"""#!/bin/sh
if [ "$1" = --version ]; then echo "Version 5.9.3"; exit; fi
while [ "$1" != --tsBuildInfoFile ]; do shift; done
echo "$PWD: $(cat "$2" 2>/dev/null)" >> "$LOG"
printf kept > "$2"
grep -q wrong src/a.ts && echo "src/a.ts(1,1): error TS1: wrong" && exit 2
exit 0
"""

    @pytest.fixture
    def log(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        fill(root, {"tsconfig.json": b"{}", "src/a.ts": b"", "node_modules/.bin/tsc": self.COMPILER})
        (root / "node_modules/.bin/tsc").chmod(0o755)
        monkeypatch.setenv("LOG", str(root.parent / "log"))
        return root.parent / "log"

    def test_its_build_information_is_begun_and_kept(self, root: Path, host: MakeChecker, log: Path) -> None:
        assert found(host("tsc"), root) == []
        fill(root, {"src/a.ts": b"wrong"})
        assert found(host("tsc"), root) == [("src/a.ts", 1, "TS1")]
        begun, kept = log.read_text().splitlines()
        assert json.loads(begun.removeprefix(f"{root}: "))["version"] == "5.9.3"
        assert kept == f"{root}: kept"

    def test_another_state_has_a_copy_of_it(self, root: Path, host: MakeChecker, log: Path) -> None:
        found(host("tsc"), root)
        assert found(host("tsc"), root, overlay={"src/a.ts": b"wrong"}) == [("src/a.ts", 1, "TS1")]
        place, _, content = log.read_text().splitlines()[1].partition(": ")
        assert (place != str(root), content) == (True, "kept")

    def test_a_compiler_of_another_kind_begins_without(self, root: Path, host: MakeChecker, log: Path) -> None:
        fill(root, {"node_modules/.bin/tsc": self.COMPILER.replace(b"Version 5.9.3", b"Version 99.0")})
        found(host("tsc"), root)
        assert log.read_text() == f"{root}: \n"

    @pytest.mark.parametrize(
        ("said", "code", "fault", "message"),
        [
            ("error TS5023: Unknown compiler option.", 1, CheckUnusable, "tsc -b"),
            ("a.ts(1,1): error TS6305: Output file has not been built.", 2, CheckUnusable, "tsc -b"),
            ("out of memory", 134, CheckWithoutVerdict, "exit code 134 and no finding: out of memory"),
            ("who knows", 1, CheckUnusable, "exit code 1 and no finding: who knows"),
        ],
    )
    def test_a_run_that_looked_at_nothing_is_no_verdict(
        self, root: Path, host: MakeChecker, said: str, code: int, fault: type[Exception], message: str
    ) -> None:
        script = f"#!/bin/sh\necho '{said}'\nexit {code}\n"
        fill(root, {"tsconfig.json": b"{}", "a.ts": b"", "node_modules/.bin/tsc": script.encode()})
        (root / "node_modules/.bin/tsc").chmod(0o755)
        with pytest.raises(fault, match=message):
            found(host("tsc"), root)


class TestRecord:
    def test_the_same_files_are_not_checked_twice(self, root: Path, host: MakeChecker) -> None:
        fill(root, {"f.py": b"import os\n"})
        first = found(host("python"), root)
        assert (found(host("python"), root), host.opened) == (first, 1)  # type: ignore[attr-defined]

    def test_what_was_seen_as_an_overlay_is_known_when_it_is_on_the_disk(self, root: Path, host: MakeChecker) -> None:
        fill(root, {"f.py": b"a = 1\n"})
        overlaid = found(host("python"), root, overlay={"f.py": b"import os\n"})
        fill(root, {"f.py": b"import os\n"})
        assert (found(host("python"), root), host.opened) == (overlaid, 1)  # type: ignore[attr-defined]

    def test_other_files_another_check_and_other_tools_are_checked_anew(self, root: Path, host: MakeChecker) -> None:
        fill(root, {"f.py": b"a = 1\n"})
        found(host("python"), root)
        found(host(shell("true")), root)
        found(host(shell("true # otherwise")), root)
        fill(root, {"f.py": b"a = 2\n"})
        found(host("python"), root)
        fill(root, {".venv/lib/python3.11/site-packages/new.py": b""})
        found(host("python"), root)
        assert host.opened == 5  # type: ignore[attr-defined]

    def test_a_tree_that_changed_meanwhile_is_not_remembered(self, root: Path, host: MakeChecker) -> None:
        fill(root, {"f": b"a\n"})
        check = shell("echo more >> f")
        found(host(check), root)
        fill(root, {"f": b"a\n"})
        found(host(check), root)
        assert host.opened == 2  # type: ignore[attr-defined]

    def test_a_broken_record_is_none(self, root: Path, host: MakeChecker) -> None:
        fill(root, {"f.py": b"import os\n"})
        first = found(host("python"), root)
        for record in (root / ".mission_control/checks").glob("found-*"):
            record.write_bytes(b"[[1]]")
        assert found(host("python"), root) == first

    def test_a_record_that_cannot_be_written_is_no_verdict(
        self, root: Path, host: MakeChecker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(root, {"f": b"a\n", ".mission_control/checks/index-command.json/in-the-way": b""})
        now = time.time_ns
        monkeypatch.setattr(tree_index.time, "time_ns", lambda: now() + 60_000_000_000)  # f was written long ago
        with pytest.raises(CheckWithoutVerdict, match="cannot read or keep"):
            found(host(shell("true")), root)

    def test_the_record_is_bounded(self, root: Path, host: MakeChecker) -> None:
        for number in range(40):
            fill(root, {"f": str(number).encode()})
            found(host(shell("true")), root)
        assert len(list((root / ".mission_control/checks").glob("found-*"))) == 32


class TestLaidOut:
    """Another state than the disk's is laid out elsewhere; the workspace is not touched."""

    def test_a_command_sees_the_overlay_and_the_disk_keeps_its_files(
        self, root: Path, host: MakeChecker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(root, {"keep": b"k\n", "change": b"old\n", "gone": b"g\n", "run.sh": b"#!/bin/sh\ncat keep change; ls"})
        (root / "run.sh").chmod(0o755)
        (root / "link").symlink_to("keep")
        before = snapshot(root)
        temporary = root.parent / "temporary"
        temporary.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
        checker = host(shell("./run.sh; test -L link || echo no link; touch written; exit 1"))
        (finding,) = checker.check(root, {"change": b"new\n", "gone": None, "new": b"n\n"})
        assert finding.message.splitlines() == ["exit code 1: k", "new", "change", "keep", "link", "new", "run.sh"]
        (again,) = checker.check(root, {"change": b"newer\n"})
        assert again.message.splitlines() == ["exit code 1: k", "newer", "change", "gone", "keep", "link", "run.sh"]
        checker.close()
        assert snapshot(root) == before
        assert list(temporary.iterdir()) == []

    def test_installed_packages_are_the_workspaces_own(self, root: Path, host: MakeChecker) -> None:
        fill(root, {"f": b"a\n", "packages/p/node_modules/x/y": b"y\n", "node_modules/z/y": b"z\n"})
        script = "cat packages/p/node_modules/x/y node_modules/z/y f; exit 1"
        checker = host(shell(script))
        (finding,) = checker.check(root, {"f": b"b\n"})
        checker.close()
        assert finding.message == "exit code 1: y\nz\nb"
        assert (root / "node_modules/z/y").read_bytes() == b"z\n"

    def test_packages_themselves_are_never_written_through_the_link(self, root: Path, host: MakeChecker) -> None:
        fill(root, {"node_modules/z/y": b"z\n"})
        with pytest.raises(CheckWithoutVerdict, match="in their place alone"):
            found(host(shell("true")), root, overlay={"node_modules/z/y": b"other\n"})
        assert (root / "node_modules/z/y").read_bytes() == b"z\n"

    def test_a_python_check_of_an_overlay_finds_what_it_shows(self, root: Path, host: MakeChecker) -> None:
        fill(root, {"f.py": b"a = 1\n", "mypy.ini": b"[mypy]\nfiles = f.py\n"})
        overlay = {"f.py": b"import os\n\nx: int = 'a'\n", "g.py": b"("}
        assert sorted(found(host("python"), root, overlay=overlay)) == [
            ("f.py", 1, "F401"),
            ("f.py", 3, "assignment"),
            ("g.py", 1, "syntax"),
        ]

    def test_a_file_that_changed_since_it_was_looked_at_is_told(self, root: Path) -> None:
        fill(root, {"f": b"a\n"})
        entries = {"f": TreeIndex({}).overlaid({"f": b"other\n"}, recipe_of(shell("true")).scope).entries["f"]}
        seen = Seen(root, TreeIndex(entries), {})
        with pytest.raises(CheckWithoutVerdict, match="was changed while"):
            seen.read("f")
        (root / "f").unlink()
        with pytest.raises(CheckWithoutVerdict, match="cannot be read"):
            seen.read("f")
