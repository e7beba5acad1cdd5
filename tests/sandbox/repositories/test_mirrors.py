"""Mirrors on the host with real git: made, brought up to date, shared, made anew."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.sandbox.repositories.faults import RepositoryError, RepositoryUnavailable
from repo_agent_dagster.sandbox.repositories.history import Mirror
from repo_agent_dagster.sandbox.repositories.locks import exclusive
from repo_agent_dagster.sandbox.repositories.marks import Marks, fetch_lock
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
from repo_agent_dagster.sandbox.repositories.ready_clones import ready_clone
from tests.sandbox.repositories.conftest import FILE
from tests.sandbox.repositories.git_server import GitServer, git_server
from tests.sandbox.repositories.making import blob, commit, git


@pytest.fixture
def server(origin: Path) -> Iterator[GitServer]:
    """A server of `origin` that lets everybody in."""
    with git_server(origin.parent) as running:
        yield running


def test_a_mirror_follows_its_origin_also_when_that_rewrites_history(
    repositories: Repositories, mirror: Mirror, origin: Path
) -> None:
    git(origin, "reset", "-q", "--hard", "HEAD~2")
    git(origin, "branch", "-D", "feature/login")
    rewritten = commit(origin, "c.txt", "4\n")
    git(origin, "branch", "-m", "trunk", "main")

    again = repositories.mirror(origin.as_uri())

    assert again.path == mirror.path
    assert again.resolve("HEAD") == again.resolve("main") == rewritten
    for gone in ("feature/login", "trunk"):
        with pytest.raises(RepositoryError, match="no branch, tag or commit"):
            again.resolve(gone)


def test_a_detached_origin_has_a_head_too(repositories: Repositories, origin: Path) -> None:
    git(origin, "checkout", "-q", "--detach", "v1.0")

    assert repositories.mirror(origin.as_uri()).resolve("HEAD") == git(origin, "rev-parse", "v1.0^{commit}")


def test_a_plain_path_is_the_protocol_file(repositories: Repositories, origin: Path) -> None:
    assert repositories.mirror(str(origin)).resolve("trunk")


def test_concurrent_callers_get_the_same_whole_mirror(repositories: Repositories, origin: Path) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(repositories.mirror(origin.as_uri()).resolve("trunk")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [git(origin, "rev-parse", "trunk")] * 4


def test_a_repository_that_is_not_there_is_permanent(repositories: Repositories, tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="Check the URL") as raised:
        repositories.mirror((tmp_path / "nothing").as_uri())

    assert isinstance(raised.value, PermanentFault)
    assert not list((tmp_path / "mirrors").glob("*.git"))
    assert not list((tmp_path / "mirrors").glob("*.part"))


def test_a_server_that_does_not_answer_may_answer_later_and_no_password_is_told(tmp_path: Path) -> None:
    with pytest.raises(RepositoryUnavailable) as raised:
        Repositories(tmp_path, frozenset({"http"})).mirror("http://me:hunter2@127.0.0.1:1/repo.git")

    assert isinstance(raised.value, TransientFault)
    assert "http://127.0.0.1:1/repo.git" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_hooks_and_configuration_of_the_caller_do_not_interfere(
    repositories: Repositories, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.hooksPath")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(tmp_path))
    hook = tmp_path / "reference-transaction"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hook-ran\n")
    hook.chmod(0o755)

    mirror = repositories.mirror(origin.as_uri())

    monkeypatch.delenv("GIT_DIR")
    assert mirror.resolve("trunk")
    assert not (tmp_path / "hook-ran").exists()


def test_an_unchanged_repository_is_asked_once_and_not_fetched(tmp_path: Path, server: GitServer, origin: Path) -> None:
    repositories = Repositories(tmp_path / "mirrors", frozenset({"http"}))
    repositories.mirror(server.url("origin"))
    server.requests.clear()

    repositories.mirror(server.url("origin"))

    asked = [path for _, path, _ in server.requests]
    assert asked == ["/origin/info/refs?service=git-upload-pack", "/origin/git-upload-pack"]
    server.requests.clear()
    new = commit(origin, "d.txt", "5\n")
    assert repositories.mirror(server.url("origin")).resolve("trunk") == new


def test_a_commit_that_is_there_needs_no_server(tmp_path: Path, server: GitServer) -> None:
    repositories = Repositories(tmp_path / "mirrors", frozenset({"http"}))
    head = repositories.mirror(server.url("origin")).resolve("trunk")
    server.requests.clear()

    assert repositories.mirror(server.url("origin"), ref=head).resolve(head) == head
    assert server.requests == []


def test_a_commit_that_no_ref_leads_to_is_asked_for_by_its_id(repositories: Repositories, origin: Path) -> None:
    git(origin, "config", "uploadpack.allowAnySHA1InWant", "true")
    hidden = git(origin, "commit-tree", "-m", "hidden", "trunk^{tree}")

    assert repositories.mirror(origin.as_uri(), ref=hidden).resolve(hidden) == hidden
    with pytest.raises(RepositoryError, match="no branch, tag or commit"):
        repositories.mirror(origin.as_uri(), ref="1" * 40).resolve("1" * 40)


def test_who_waits_too_long_is_told_for_whom(tmp_path: Path, mirror: Mirror, origin: Path) -> None:
    impatient = Repositories(tmp_path / "mirrors", FILE, lock_seconds=0.1)

    with (
        exclusive(fetch_lock(mirror.path), doing="fetching the whole history", seconds=1),
        pytest.raises(RepositoryUnavailable, match=rf"process {os.getpid()}, fetching the whole history since 20\d\d-"),
    ):
        impatient.mirror(origin.as_uri())


def test_what_a_killed_task_left_half_made_is_removed(repositories: Repositories, mirror: Mirror, origin: Path) -> None:
    left = mirror.path.with_suffix(".abc123.part")
    left.mkdir()
    (left / "half").write_text("a pack")

    repositories.mirror(origin.as_uri())

    assert not left.exists()


@pytest.mark.parametrize("damage", ["no HEAD", "no objects", "a pack cut short", "nothing"])
def test_a_damaged_mirror_is_made_anew(repositories: Repositories, mirror: Mirror, origin: Path, damage: str) -> None:
    pack = next((mirror.path / "objects/pack").glob("*.pack"))
    if damage == "no HEAD":
        (mirror.path / "HEAD").unlink()
    elif damage == "a pack cut short":
        pack.chmod(0o644)
        os.truncate(pack, 20)
    elif damage == "no objects":
        for file in pack.parent.iterdir():
            file.unlink()
    else:
        Marks(mirror.path).mark_damaged()
    new = commit(origin, "a.txt", "later\n")

    again = _mirror_at_last(repositories, origin)

    assert again.resolve("trunk") == new
    assert git(again.path, "fsck", "--full") == ""
    assert not Marks(again.path).damaged


def _mirror_at_last(repositories: Repositories, origin: Path) -> Mirror:
    """Do what a task does that is tried again after it found the mirror damaged."""
    for _ in range(2):
        mirror = repositories.mirror(origin.as_uri())
        try:
            mirror.folder(mirror.resolve("trunk"))
        except RepositoryUnavailable:
            continue
        return mirror
    raise AssertionError("the mirror stays damaged")


def test_a_repository_over_the_limit_is_refused_and_leaves_nothing(tmp_path: Path, origin: Path) -> None:
    blob(origin, b"")
    (origin / "noise.bin").write_bytes(os.urandom(300_000))
    git(origin, "add", "noise.bin")
    git(origin, "commit", "-q", "-m", "large")

    with pytest.raises(RepositoryError, match="larger than REPO_AGENT_REPOSITORY_MAX_MB allows"):
        Repositories(tmp_path / "mirrors", FILE, repository_bytes=100_000).mirror(origin.as_uri())

    assert [path.name for path in (tmp_path / "mirrors").iterdir()] == [".locks"]


def test_changes_that_are_not_committed_are_not_seen(repositories: Repositories, origin: Path) -> None:
    (origin / "a.txt").write_text("not committed\n")
    git(origin, "add", "a.txt")

    mirror = repositories.mirror(str(origin))

    assert mirror.read_file(mirror.resolve("HEAD"), "a.txt") == b"2\n"


def test_objects_of_a_mirror_are_packed_again_before_they_are_many(repositories: Repositories, origin: Path) -> None:
    for number in range(23):
        commit(origin, "a.txt", f"{number}\n")
        mirror = repositories.mirror(origin.as_uri())

    assert len(list((mirror.path / "objects/pack").glob("*.pack"))) < 10


def test_a_repository_with_sha256_ids_is_mirrored_too(repositories: Repositories, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--object-format=sha256", "-b", "trunk", "newer")
    head = commit(tmp_path / "newer", "a.txt", "1\n")

    mirror = repositories.mirror(str(tmp_path / "newer"))

    assert mirror.resolve("trunk") == head == mirror.resolve(head)
    assert len(head) == 64
    assert ready_clone(mirror, head)
