"""What a mirror tells of commits, changes, folders and files."""

import subprocess
from pathlib import Path

import pytest

from repo_agent_dagster.sandbox.repositories.faults import RepositoryError, RepositoryUnavailable
from repo_agent_dagster.sandbox.repositories.history import Mirror
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
from tests.sandbox.repositories.making import commit, git


def test_the_default_branch_is_the_servers(repositories: Repositories, mirror: Mirror, origin: Path) -> None:
    assert mirror.default_branch() == "trunk"

    git(origin, "checkout", "-q", "--detach", "v1.0")

    assert repositories.mirror(origin.as_uri()).default_branch() is None


def test_changes_are_those_since_the_two_parted_and_apply(repositories: Repositories, origin: Path) -> None:
    git(origin, "checkout", "-q", "-b", "work", "feature/login")
    (origin / "logo.bin").write_bytes(bytes(range(256)))
    (origin / "crlf.txt").write_bytes(b"one\r\ntwo\r\n")
    (origin / "run.sh").write_text("#!/bin/sh\n")
    (origin / "run.sh").chmod(0o755)
    (origin / ".gitattributes").write_text("*.txt diff=evil\n*.bin diff=evil\n")
    git(origin, "mv", "a.txt", "renamed.txt")
    git(origin, "add", "-A")
    git(origin, "commit", "-q", "-m", "much")
    git(origin, "checkout", "-q", "trunk")

    diff = repositories.mirror(origin.as_uri()).changes("trunk", "work")

    git(origin, "checkout", "-q", "--detach", "feature/login")
    subprocess.run(["git", "-C", str(origin), "apply", "--index"], input=diff, check=True)
    assert git(origin, "write-tree") == git(origin, "rev-parse", "work^{tree}")
    assert b"b.txt" not in diff
    assert b"rename to renamed.txt" in diff


def test_changes_that_are_too_many_or_have_no_common_start_are_told(repositories: Repositories, origin: Path) -> None:
    commit(origin, "large.txt", "\n".join(map(str, range(20_000))))
    git(origin, "checkout", "-q", "--orphan", "other")
    commit(origin, "a.txt", "other\n")
    mirror = repositories.mirror(origin.as_uri())

    with pytest.raises(RepositoryError, match="more than is taken"):
        mirror.changes("v1.0", "trunk", max_bytes=10_000)
    with pytest.raises(RepositoryError, match="trunk and other have no commit in common"):
        mirror.changes("trunk", "other")


def test_the_log_goes_from_good_to_bad_with_a_merge_as_one_step_if_asked(
    repositories: Repositories, origin: Path
) -> None:
    git(origin, "checkout", "-q", "-b", "side", "v1.0")
    side = commit(origin, "side.txt", "1\n")
    git(origin, "checkout", "-q", "trunk")
    git(origin, "merge", "-q", "--no-ff", "-m", "merge\n\nwith a body", "side")
    mirror = repositories.mirror(origin.as_uri())

    log = mirror.log("v1.0", "trunk")
    steps = mirror.log("v1.0", "trunk", first_parent=True)

    assert {one.id for one in log} == {side, *(one.id for one in steps)}
    assert [one.subject for one in steps] == ["change a.txt", "change b.txt", "merge"]
    assert steps[-1] == log[-1] == mirror.commit("trunk")
    assert steps[-1].parents == (steps[-2].id, side)
    assert steps[-1].authored_at.tzinfo is not None
    assert mirror.log("trunk", "trunk") == []


def test_a_file_is_read_as_it_is_stored_and_nothing_else_is(repositories: Repositories, origin: Path) -> None:
    (origin / ".gitattributes").write_text("*.md filter=evil text eol=crlf ident\n")
    (origin / "docs").mkdir()
    (origin / "docs/readme.md").write_text("$Id$\n")
    (origin / "link").symlink_to("/etc/passwd")
    git(origin, "add", "-A")
    git(origin, "commit", "-q", "-m", "more")
    mirror = repositories.mirror(origin.as_uri())
    head = mirror.resolve("HEAD")

    assert mirror.read_file(head, "docs/readme.md") == b"$Id$\n"
    for nothing in ("docs", "link", "docs/other.md", "*.md", ":(glob)**"):
        assert mirror.read_file(head, nothing) is None
    with pytest.raises(RepositoryError, match="has 5 bytes; at most 4"):
        mirror.read_file(head, "docs/readme.md", max_bytes=4)


def test_a_folder_is_measured_and_a_missing_one_names_what_is_near(repositories: Repositories, origin: Path) -> None:
    commit(origin, "packages/web/index.js", "12345")
    commit(origin, "packages/api/main.py", "123")
    mirror = repositories.mirror(origin.as_uri())
    head = mirror.resolve("HEAD")

    assert (mirror.folder(head, "packages").files, mirror.folder(head, "packages").bytes) == (2, 8)
    with pytest.raises(RepositoryError, match=r"no folder 'package/web'; near it: packages/web"):
        mirror.folder(head, "package/web")
    with pytest.raises(RepositoryError, match=r"no folder 'web'; near it: packages/web"):
        mirror.folder(head, "web")
    with pytest.raises(RepositoryError, match=r"a.txt of .* is a file, not a folder"):
        mirror.folder(head, "a.txt")


def test_a_damaged_mirror_is_told_and_made_anew_by_the_next_task(
    repositories: Repositories, mirror: Mirror, origin: Path
) -> None:
    for pack in (mirror.path / "objects/pack").iterdir():
        pack.chmod(0o644)
        pack.write_bytes(b"\0" * pack.stat().st_size)

    with pytest.raises(RepositoryUnavailable, match="is damaged"):
        mirror.changes("v1.0", "trunk")

    again = repositories.mirror(origin.as_uri())
    assert again.changes("v1.0", "trunk")
    assert git(again.path, "fsck", "--full") == ""
