"""Which files of a folder are read for which rules."""

import os
import subprocess
from pathlib import Path

import pytest

from repo_agent_dagster.migration.standards import Rule, check
from repo_agent_dagster.migration.standards.checking import FILE_LIMIT_BYTES
from repo_agent_dagster.migration.standards.tree import read_context, read_tree, root_of
from tests.migration.conftest import write_tree

FILES = {
    "apps/a/src/x.ts": "x;\n",
    "apps/a/README.md": "x\n",
    "apps/a/node_modules/m/index.ts": "x;\n",
    "apps/b/y.ts": "y;\n",
    "packages/contracts/src/index.ts": "export type A = 1;\n",
    "dist/z.ts": "z;\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "monorepo", FILES)


def test_only_files_that_a_rule_is_for_are_read_and_packages_never(root: Path, built_in: tuple[Rule, ...]) -> None:
    tree = read_tree(root, root, built_in)

    assert list(tree.files) == ["apps/a/src/x.ts", "apps/b/y.ts", "dist/z.ts", "packages/contracts/src/index.ts"]
    assert tree.context == {}


def test_a_part_of_a_tree_is_read_with_what_rules_gather_from_the_rest(root: Path, built_in: tuple[Rule, ...]) -> None:
    tree = read_tree(root, root / "apps" / "a", built_in)

    assert list(tree.files) == ["apps/a/src/x.ts"]
    assert list(tree.context) == ["packages/contracts/src/index.ts"]
    assert list(read_tree(root, root / "apps/b/y.ts", built_in).files) == ["apps/b/y.ts"]


def test_what_is_not_written_yet_is_checked_by_what_rules_gather_from_the_tree(
    root: Path, built_in: tuple[Rule, ...]
) -> None:
    context = read_context(root, built_in)

    report = check({"apps/new/a.ts": b"export type A = 2;\n"}, built_in, context=context)

    assert list(context) == ["packages/contracts/src/index.ts"]
    assert [one.rule for one in report.findings] == ["shared-contracts"]
    assert read_context(root, [rule for rule in built_in if rule.id == "rest-paths"]) == {}


def test_in_a_checkout_what_git_ignores_is_left_out(root: Path, built_in: tuple[Rule, ...]) -> None:
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    (root / ".gitignore").write_text("dist/\n")

    tree = read_tree(root, root, built_in)

    assert list(tree.files) == ["apps/a/src/x.ts", "apps/b/y.ts", "packages/contracts/src/index.ts"]


def test_the_root_is_the_checkout_that_holds_the_path_or_its_own_folder(root: Path) -> None:
    assert root_of(root / "apps") == root / "apps"
    assert root_of(root / "apps/b/y.ts") == root / "apps/b"

    (root / ".git").mkdir()

    assert root_of(root / "apps/b/y.ts") == root


def test_links_are_not_followed_and_what_cannot_be_read_is_told(root: Path, built_in: tuple[Rule, ...]) -> None:
    (root / "link.ts").symlink_to(root / "apps/b/y.ts")
    (root / "large.ts").write_bytes(b"x" * (FILE_LIMIT_BYTES + 1))
    (root / "tool.ts").write_text("x;\n")
    (root / "tool.ts").chmod(0o755)
    (root / os.fsdecode(b"\xff.ts")).write_text("x;\n")

    tree = read_tree(root, root, built_in)

    assert "link.ts" not in tree.files
    assert [(one.file, "not read" in one.reason) for one in tree.unread] == [("large.ts", True)]
    assert tree.executable == {"tool.ts"}
    assert all(name.isascii() for name in tree.files)
