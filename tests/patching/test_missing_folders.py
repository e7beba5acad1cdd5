"""Which folders have to be made before a batch's files can be."""

from pathlib import Path

import pytest

from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.model import UnsafePath


def test_folders_that_many_files_need_are_told_once_and_each_after_the_one_it_is_in(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()

    with Tree(tmp_path) as tree:
        missing = tree.missing_folders("a/b/c/1", "a/b/2", "there/3", "there/d/4", "a/b/c/5", "6")

    assert missing == ["a", "a/b", "a/b/c", "there/d"]


def test_a_folder_that_was_made_since_is_not_missing(tmp_path: Path) -> None:
    with Tree(tmp_path) as tree:
        before = tree.missing_folders("a/b/1")
        (tmp_path / "a").mkdir()

        after = tree.missing_folders("a/b/1")

    assert (before, after) == (["a", "a/b"], ["a/b"])


@pytest.mark.parametrize("path", ["link/1", "link/a/b/1"])
def test_no_folder_is_looked_for_behind_a_link(tmp_path: Path, path: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path)

    with Tree(tmp_path) as tree, pytest.raises(UnsafePath, match="link is a symbolic link"):
        tree.missing_folders(path)
