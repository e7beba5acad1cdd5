"""Mirrors on the host with real git, and clones in a real sandbox."""

import subprocess
import threading
from pathlib import Path

import pytest

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.sandbox.repositories.cloning import clone_into
from repo_agent_dagster.sandbox.repositories.faults import RepositoryError, RepositoryUnavailable
from repo_agent_dagster.sandbox.repositories.history import Mirror
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
from repo_agent_dagster.sandbox.repositories.ready_clones import ready_clone
from repo_agent_dagster.sandbox.repositories.urls import parse_url, redacted
from repo_agent_dagster.sandbox.sandbox import Sandbox

FILE = frozenset({"file"})


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, name: str, content: str) -> str:
    (folder / name).write_text(content)
    git(folder, "add", name)
    git(folder, "commit", "-q", "-m", f"change {name}")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with three commits, a tag and a second branch."""
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "trunk")
    commit(folder, "a.txt", "1\n")
    git(folder, "tag", "-a", "v1.0", "-m", "one")
    commit(folder, "a.txt", "2\n")
    git(folder, "branch", "feature/login")
    commit(folder, "b.txt", "3\n")
    return folder


@pytest.fixture
def repositories(tmp_path: Path) -> Repositories:
    return Repositories(tmp_path / "mirrors", FILE)


@pytest.fixture
def mirror(repositories: Repositories, origin: Path) -> Mirror:
    return repositories.mirror(origin.as_uri())


def test_branches_tags_and_commits_resolve(mirror: Mirror, origin: Path) -> None:
    head = git(origin, "rev-parse", "trunk")

    assert (
        mirror.resolve("HEAD") == mirror.resolve("trunk") == mirror.resolve(head) == mirror.resolve(head[:10]) == head
    )
    assert mirror.resolve("v1.0") == git(origin, "rev-parse", "v1.0^{commit}")
    assert mirror.resolve("feature/login") == git(origin, "rev-parse", "feature/login")


def test_an_unknown_ref_names_what_is_near(mirror: Mirror) -> None:
    with pytest.raises(RepositoryError, match=r"'feature/logon'; near it: feature/login"):
        mirror.resolve("feature/logon")


@pytest.mark.parametrize("ref", ["", "--upload-pack=x", "a..b", "HEAD^", "a b", "x@{1}", "a\nb"])
def test_what_is_no_plain_name_is_no_ref(mirror: Mirror, ref: str) -> None:
    with pytest.raises(RepositoryError, match="is no name"):
        mirror.resolve(ref)


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


def test_an_empty_repository_is_told(repositories: Repositories, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "empty.git")

    with pytest.raises(RepositoryError, match="no branch and no tag"):
        repositories.mirror((tmp_path / "empty.git").as_uri()).resolve("HEAD")


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


@pytest.mark.parametrize(
    "url",
    ["--upload-pack=touch x", "-x", "ext::sh -c id", "fd::17", "", "https://host/a b", "https://host/a\nb"],
)
def test_what_git_would_take_for_an_option_or_a_command_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(RepositoryError, match="is not taken as a repository's URL"):
        Repositories(tmp_path, frozenset({"https", "ssh", "file", "ext", "fd"})).mirror(url)


@pytest.mark.parametrize(
    ("url", "protocol"),
    [
        ("file:///srv/repo", "file"),
        ("/srv/repo", "file"),
        ("./repo", "file"),
        ("http://host.example/repo", "http"),
        ("git://host.example/repo", "git"),
        ("HTTP://host.example/repo", "http"),
    ],
)
def test_a_protocol_must_be_allowed(tmp_path: Path, url: str, protocol: str) -> None:
    with pytest.raises(RepositoryError, match=f"protocol '{protocol}' is not allowed here.*https, ssh"):
        Repositories(tmp_path, frozenset({"https", "ssh"})).mirror(url)


def test_the_short_form_of_ssh_is_ssh(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="protocol 'ssh'"):
        Repositories(tmp_path, FILE).mirror("git@host.example:team/repo.git")


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


def test_credentials_are_not_written_to_the_mirror(repositories: Repositories, origin: Path) -> None:
    url = origin.as_uri().replace("file://", "file://me:hunter2@localhost")

    try:
        repositories.mirror(url)
    except RepositoryError as error:
        assert "hunter2" not in str(error)  # noqa: PT017 - git may or may not take a user in a file URL
    mirror = repositories.mirror(origin.as_uri())

    written = [path for path in mirror.path.parent.rglob("*") if path.is_file()]
    assert written
    assert all(b"hunter2" not in path.read_bytes() for path in written)


def test_a_renewed_token_finds_the_same_mirror() -> None:
    def name(url: str) -> str:
        return parse_url(url, frozenset({"https"})).mirror_name

    assert name("https://old@host.example/team/repo.git") == name("https://new:x@host.example/team/repo")
    assert name("https://host.example/team/repo") != name("https://host.example/other/repo")


def test_urls_in_a_text_lose_their_credentials() -> None:
    assert redacted("fatal: https://u:p@h/x and ssh://t@h/y") == "fatal: https://***@h/x and ssh://***@h/y"


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


@pytest.mark.docker
def test_a_clone_in_the_sandbox_has_the_commit_its_history_and_no_remote(
    box: Sandbox, mirror: Mirror, origin: Path
) -> None:
    commit_id = mirror.resolve("trunk")

    clone_into(box, mirror, commit_id)

    inside = "/workspace/repo"
    assert box.exec("git rev-parse HEAD", cwd=inside).stdout.strip() == commit_id
    assert box.exec("cat a.txt b.txt", cwd=inside).stdout == "2\n3\n"
    assert (
        box.exec("git rev-list --count HEAD; git status --porcelain; git remote; git fsck", cwd=inside).stdout == "3\n"
    )
    assert box.exec("git config core.hooksPath", cwd=inside).stdout == "/dev/null\n"
    assert box.exec("git commit -q --allow-empty -m x", cwd=inside).ok
    assert not box.exec("ls /tmp/repo-agent-clone").ok
    assert str(origin) not in box.exec("cat .git/config", cwd=inside).stdout


@pytest.mark.docker
def test_a_shallow_clone_has_the_last_commits_only(box: Sandbox, mirror: Mirror) -> None:
    clone_into(box, mirror, mirror.resolve("trunk"), "/workspace/one", depth=1)

    assert (
        box.exec("git rev-list --count HEAD; git fsck --no-dangling; cat a.txt", cwd="/workspace/one").stdout
        == "1\n2\n"
    )


@pytest.mark.docker
def test_two_clones_side_by_side_and_not_over_another(box: Sandbox, mirror: Mirror) -> None:
    clone_into(box, mirror, mirror.resolve("v1.0"), "/workspace/before")
    clone_into(box, mirror, mirror.resolve("trunk"), "/workspace/after")

    assert box.exec("cat before/a.txt after/a.txt").stdout == "1\n2\n"
    with pytest.raises(RepositoryError, match="is not empty"):
        clone_into(box, mirror, mirror.resolve("trunk"), "/workspace/before")


@pytest.mark.docker
def test_a_hostile_repository_runs_nothing_when_it_is_cloned(
    box: Sandbox, repositories: Repositories, origin: Path
) -> None:
    (origin / ".githooks").mkdir()
    (origin / ".githooks" / "post-checkout").write_text("#!/bin/sh\ntouch /tmp/owned\n")
    (origin / ".gitattributes").write_text("*.txt filter=evil\n")
    git(origin, "add", "-A")
    git(origin, "commit", "-q", "-m", "evil")

    mirror = repositories.mirror(origin.as_uri())
    clone_into(box, mirror, mirror.resolve("trunk"))

    assert not box.exec("ls /tmp/owned").ok


def test_a_commit_that_the_mirror_lacks_is_told(mirror: Mirror) -> None:
    with pytest.raises(RepositoryError, match="has no commit 0000"):
        ready_clone(mirror, "0" * 40)
