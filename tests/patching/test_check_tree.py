"""The digest of a tree says whether anything that matters changed, without reading what did not."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from repo_agent_dagster.patching import UnsafePath
from repo_agent_dagster.patching.checks import tree_index
from repo_agent_dagster.patching.checks.check_folder import CheckFolder
from repo_agent_dagster.patching.checks.python_recipe import PythonRecipe
from repo_agent_dagster.patching.checks.recipes import CommandRecipe, NodeRecipe
from repo_agent_dagster.patching.checks.tree_index import Scope, TreeIndex, read_tree
from repo_agent_dagster.patching.checks.tsc_recipe import TscRecipe
from tests.patching.trees import fill

ALL = Scope("all")
LONG_AGO = 1_600_000_000


def read(root: Path, scope: Scope = ALL) -> TreeIndex:
    return read_tree(root, scope, CheckFolder(root))


def age(root: Path) -> None:
    """Make all files old; their ctime cannot be set, so the look that follows has to be in the future of it."""
    for path in root.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO), follow_symlinks=False)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose content is read; nothing else is changed."""
    done: list[str] = []
    original = tree_index._digest_of

    def counting(place: str) -> str | None:
        done.append(Path(place).name)
        return original(place)

    monkeypatch.setattr(tree_index, "_digest_of", counting)
    return done


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of looks is a minute ahead: what was written until now is settled."""
    now = time.time_ns
    monkeypatch.setattr(tree_index.time, "time_ns", lambda: now() + 60_000_000_000)


class TestDigest:
    def test_the_same_files_have_the_same_digest_wherever_and_whenever_they_are(self, tmp_path: Path) -> None:
        files = {"a.py": b"a\n", "b/c.py": b"c\n"}
        fill(tmp_path / "one", files)
        fill(tmp_path / "two", files)
        age(tmp_path / "two")
        assert read(tmp_path / "one").digest == read(tmp_path / "two").digest

    @pytest.mark.parametrize("change", ["content", "new", "gone", "name", "executable", "link"])
    def test_every_change_changes_it(self, root: Path, change: str) -> None:
        fill(root, {"a.py": b"a\n", "b.py": b"b\n"})
        before = read(root).digest
        match change:
            case "content":
                (root / "a.py").write_bytes(b"A\n")
            case "new":
                (root / "c.py").write_bytes(b"")
            case "gone":
                (root / "b.py").unlink()
            case "name":
                (root / "b.py").rename(root / "c.py")
            case "executable":
                (root / "a.py").chmod(0o755)
            case _:
                (root / "b.py").unlink()
                (root / "b.py").symlink_to("a.py")
        assert read(root).digest != before

    def test_an_overlay_gives_the_digest_of_the_tree_that_it_shows(self, root: Path, tmp_path: Path) -> None:
        fill(root, {"a.py": b"a\n", "b.py": b"b\n", "c.py": b"c\n"})
        overlaid = read(root).overlaid({"a.py": b"A\n", "b.py": None, "d/e.py": b"e\n", ".git/x.py": b""}, ALL)
        fill(tmp_path / "same", {"a.py": b"A\n", "c.py": b"c\n", "d/e.py": b"e\n"})
        assert overlaid.digest == read(tmp_path / "same").digest


class TestWithoutReading:
    @pytest.mark.usefixtures("later")
    def test_what_was_not_written_is_not_read_again(self, root: Path, reads: list[str]) -> None:
        fill(root, {"a.py": b"a\n", "b.py": b"b\n"})
        before = read(root)
        (root / "b.py").write_bytes(b"changed\n")
        after = read(root)
        assert sorted(reads) == ["a.py", "b.py", "b.py"]
        assert after.digest != before.digest

    def test_a_file_written_just_before_the_last_look_is_read_again(self, root: Path, reads: list[str]) -> None:
        fill(root, {"a.py": b"one\n"})
        before, info = read(root), (root / "a.py").stat()
        # The same size, inode and time stamp: only the content tells.
        (root / "a.py").write_bytes(b"two\n")
        os.utime(root / "a.py", ns=(info.st_atime_ns, info.st_mtime_ns))
        assert read(root).digest != before.digest
        assert reads == ["a.py", "a.py"]

    @pytest.mark.usefixtures("later")
    def test_a_time_stamp_that_was_put_back_hides_nothing(self, root: Path) -> None:
        fill(root, {"a.py": b"one\n"})
        before, info = read(root), (root / "a.py").stat()
        (root / "a.py").write_bytes(b"two\n")
        os.utime(root / "a.py", ns=(info.st_atime_ns, info.st_mtime_ns))
        assert read(root).digest != before.digest

    @pytest.mark.usefixtures("later")
    @pytest.mark.parametrize(
        "kept", [b"", b"{", b"[]", b'{"version": 9}', b'{"version": 1}', b'{"version": 1, "files": {"a.py": 1}}']
    )
    def test_an_unreadable_memory_is_no_memory(self, root: Path, reads: list[str], kept: bytes) -> None:
        fill(root, {"a.py": b"a\n"})
        CheckFolder(root).write("index-all.json", kept)
        assert read(root).digest == read(root).digest
        assert reads == ["a.py"]


class TestScope:
    FILES = (
        "a.py",
        "a.pyi",
        "pyproject.toml",
        "a.ts",
        "a.d.ts",
        "a.js",
        "tsconfig.json",
        "package.json",
        "data.bin",
        "node_modules/p/index.js",
        "node_modules/p/index.d.ts",
        "node_modules/p/package.json",
        "node_modules/typescript/lib/tsc.js",
        ".git/config",
        ".mission_control/patches/x.diff",
        ".venv/lib/x.py",
        "pkg/__pycache__/a.py",
    )

    @pytest.mark.parametrize(
        ("recipe", "expected"),
        [
            (PythonRecipe(), {"a.py", "a.pyi", "pyproject.toml"}),
            (NodeRecipe(), {"a.js", "package.json"}),
            (
                TscRecipe(),
                {"a.ts", "a.d.ts", "a.js", "tsconfig.json", "package.json", "node_modules/p/index.d.ts"}
                | {"node_modules/p/package.json", "node_modules/typescript/lib/tsc.js"},
            ),
            (CommandRecipe(("make",), "make"), {name for name in FILES if name[0] != "." and "__" not in name}),
        ],
        ids=["python", "node", "tsc", "command"],
    )
    def test_each_check_looks_at_what_matters_to_it(self, root: Path, recipe: Any, expected: set[str]) -> None:
        fill(root, dict.fromkeys(self.FILES, b"{}"))
        found = read(root, recipe.scope).entries
        assert set(found) == expected
        assert {name for name in self.FILES if recipe.scope.holds(name)} == expected

    def test_links_are_kept_as_links_and_pipes_left_out(self, root: Path) -> None:
        fill(root, {"real/a.py": b"a\n"})
        (root / "link").symlink_to("real")
        os.mkfifo(root / "pipe.py")
        entries = read(root).entries
        assert {path: entry.link for path, entry in entries.items()} == {"real/a.py": None, "link": "real"}


class TestFolder:
    def test_a_link_in_place_of_the_folder_is_refused_and_nothing_written_through_it(
        self, root: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "elsewhere").mkdir()
        (root / ".mission_control").mkdir()
        (root / ".mission_control" / "checks").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(UnsafePath, match="not a plain folder"):
            read(root)
        assert list((tmp_path / "elsewhere").iterdir()) == []

    def test_a_link_in_place_of_a_file_is_not_followed(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "theirs").write_bytes(b"theirs")
        folder = CheckFolder(root)
        folder.write("other", b"")
        (root / ".mission_control/checks/name").symlink_to(tmp_path / "theirs")
        assert folder.read("name") is None
        folder.write("name", b"ours")
        assert (folder.read("name"), (tmp_path / "theirs").read_bytes()) == (b"ours", b"theirs")

    def test_only_the_newest_files_are_kept(self, root: Path) -> None:
        folder = CheckFolder(root)
        for number in range(5):
            folder.write(f"found-{number}", b"")
            os.utime(root / f".mission_control/checks/found-{number}", (number, number))
        folder.write("other", b"")
        folder.keep_newest("found-", 2)
        kept = sorted(path.name for path in (root / ".mission_control/checks").iterdir())
        assert kept == ["found-3", "found-4", "other"]
