"""Clones of mirrors in a real sandbox."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from repo_agent_dagster.sandbox.repositories import cloning
from repo_agent_dagster.sandbox.repositories.cloning import Clone, clone_into
from repo_agent_dagster.sandbox.repositories.faults import RepositoryError
from repo_agent_dagster.sandbox.repositories.history import Mirror
from repo_agent_dagster.sandbox.repositories.marks import Marks
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
from repo_agent_dagster.sandbox.repositories.ready_clones import ready_clone
from repo_agent_dagster.sandbox.repositories.submodules import clone_submodules, submodule_around
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec
from repo_agent_dagster.store.ids import new_id
from tests.sandbox.repositories.making import blob, commit, commit_tree, git, tree

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def shared(sandbox_image: str) -> Iterator[Sandbox]:
    with Sandbox.open(SandboxSpec(new_id(), image=sandbox_image, deadline_seconds=300, network="none")) as made:
        yield made


@pytest.fixture
def box(shared: Sandbox) -> Iterator[Sandbox]:
    """The module's sandbox, its workspace empty."""
    yield shared
    shared.exec("find /workspace -mindepth 1 -delete")


def out(box: Sandbox, script: str, folder: str = "/workspace/repo") -> str:
    return box.exec(script, cwd=folder).output


def test_a_clone_has_the_commit_its_history_its_tags_and_no_way_back(
    box: Sandbox, mirror: Mirror, origin: Path
) -> None:
    commit_id = mirror.resolve("trunk")

    assert clone_into(box, mirror, commit_id) == Clone("/workspace/repo", sparse=False)

    assert out(box, "git rev-parse HEAD; git branch --show-current; cat a.txt b.txt") == f"{commit_id}\nwork\n2\n3\n"
    assert out(box, "git rev-list --count HEAD; git status --porcelain; git remote; git fsck; git describe") == (
        f"3\nv1.0-2-g{commit_id[:7]}\n"
    )
    assert out(box, "git config core.hooksPath; git config protocol.allow") == "/dev/null\nnever\n"
    assert box.exec("git commit -q --allow-empty -m x", cwd="/workspace/repo").ok
    assert not box.exec("git fetch -q https://host.example/x", cwd="/workspace/repo").ok
    assert out(box, "git config --get-all --global safe.directory") == "/workspace/repo\n"
    assert str(origin) not in out(box, "cat .git/config")
    assert out(box, "ls -A", "/workspace") == "repo\n"


def test_what_the_commit_does_not_lead_to_is_not_in_the_clone(box: Sandbox, mirror: Mirror, origin: Path) -> None:
    clone_into(box, mirror, mirror.resolve("v1.0"))

    later = git(origin, "rev-parse", "trunk")
    proposed = git(origin, "rev-parse", "refs/pull/7/head")
    for hidden in (later, proposed):
        assert not box.exec(["git", "cat-file", "-e", hidden], cwd="/workspace/repo").ok


def test_a_shallow_clone_has_the_last_commits_only(box: Sandbox, mirror: Mirror) -> None:
    clone_into(box, mirror, mirror.resolve("trunk"), "/workspace/one", depth=1)
    clone_into(box, mirror, mirror.resolve("v1.0"), "/workspace/tagged", depth=1)

    assert out(box, "git rev-list --count HEAD; git fsck --no-dangling; cat a.txt", "/workspace/one") == "1\n2\n"
    assert out(box, "git describe; git fsck", "/workspace/tagged") == "v1.0\n"


def test_two_clones_side_by_side_and_not_over_another(box: Sandbox, mirror: Mirror) -> None:
    clone_into(box, mirror, mirror.resolve("v1.0"), "/workspace/before")
    clone_into(box, mirror, mirror.resolve("trunk"), "/workspace/after")

    assert out(box, "cat before/a.txt after/a.txt", "/workspace") == "1\n2\n"
    with pytest.raises(RepositoryError, match="is not empty"):
        clone_into(box, mirror, mirror.resolve("trunk"), "/workspace/before")
    assert out(box, "ls -A", "/workspace") == "after\nbefore\n"


def test_a_sub_folder_is_where_to_work_and_the_tree_around_it_is_there(
    box: Sandbox, repositories: Repositories, origin: Path
) -> None:
    commit(origin, "packages/web/index.js", "1")
    commit(origin, "packages/api/main.py", "2")
    mirror = repositories.mirror(origin.as_uri())

    cloned = clone_into(box, mirror, mirror.resolve("trunk"), subfolder="packages/web")

    assert cloned == Clone("/workspace/repo/packages/web", sparse=False)
    assert out(box, "ls; ls ../..", cloned.path) == "index.js\na.txt\nb.txt\npackages\n"
    with pytest.raises(RepositoryError, match="near it: packages/web"):
        clone_into(box, mirror, mirror.resolve("trunk"), "/workspace/other", subfolder="packages/wep")


def test_of_a_large_tree_only_the_sub_folder_and_the_way_to_it_are_checked_out(
    box: Sandbox, repositories: Repositories, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(origin, "packages/package.json", "{}")
    commit(origin, "packages/web/src/index.js", "1")
    commit(origin, "packages/api/main.py", "2")
    mirror = repositories.mirror(origin.as_uri())
    monkeypatch.setattr(cloning, "WHOLE_TREE_BYTES", 3)

    cloned = clone_into(box, mirror, mirror.resolve("trunk"), subfolder="packages/web")

    assert cloned == Clone("/workspace/repo/packages/web", sparse=True)
    assert out(box, "ls; cat src/index.js; echo; ls ..; ls ../..; git status --short", cloned.path) == (
        "src\n1\npackage.json\nweb\na.txt\nb.txt\npackages\n"
    )


def test_a_hostile_repository_runs_nothing_when_it_is_cloned(
    box: Sandbox, repositories: Repositories, origin: Path
) -> None:
    owned = "touch /tmp/owned"
    (origin / ".githooks").mkdir()
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
        (origin / ".githooks" / hook).write_text(f"#!/bin/sh\n{owned}\n")
        (origin / ".githooks" / hook).chmod(0o755)
    (origin / ".gitattributes").write_text(
        "*.txt filter=evil diff=evil merge=evil\n*.id ident\n*.bad working-tree-encoding=../../x\n"
    )
    (origin / "name.id").write_text("$Id$\n")
    (origin / "name.bad").write_text("text\n")
    (origin / "passwd").symlink_to("/etc/passwd")
    (origin / "outside").symlink_to("../../../../tmp")
    (origin / ".gitconfig").write_text(f'[core]\n\tfsmonitor = {owned}\n[filter "evil"]\n\tsmudge = {owned}\n')
    (origin / ".git/info/attributes").write_text("*.bad !working-tree-encoding\n")
    git(origin, "add", "-A")
    git(origin, "commit", "-q", "-m", "evil")
    mirror = repositories.mirror(origin.as_uri())

    clone_into(box, mirror, mirror.resolve("trunk"))

    looked = box.exec("readlink passwd outside; git status --short", cwd="/workspace/repo")
    assert looked.stdout == "/etc/passwd\n../../../../tmp\n"
    assert not box.exec("ls /tmp/owned").ok


def test_odd_names_are_only_names(box: Sandbox, repositories: Repositories, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "-b", "trunk", "odd.git")
    odd = tmp_path / "odd.git"
    held = blob(odd, b"x")
    names = [b"$(touch owned)", b"-rf", b"CON", b"a\nb", b"caf\xe9", b"n" * 255, b"nul.txt", b"x;y"]
    commit_tree(odd, tree(odd, *(("100644", name, held) for name in sorted(names))))
    mirror = repositories.mirror(odd.as_uri())

    clone_into(box, mirror, mirror.resolve("trunk"))

    assert out(box, "git status --short; git ls-files -z | tr -cd '\\0' | wc -c; ls | grep -c owned") == "8\n1\n"


def test_paths_that_no_file_system_takes_are_told(box: Sandbox, repositories: Repositories, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "-b", "trunk", "deep.git")
    deep = tmp_path / "deep.git"
    found = tree(deep, ("100644", b"file", blob(deep, b"x")))
    for _ in range(20):
        found = tree(deep, ("40000", b"d" * 250, found))
    commit_tree(deep, found)
    mirror = repositories.mirror(deep.as_uri())

    with pytest.raises(RepositoryError, match=r"cannot check .* out in the sandbox"):
        clone_into(box, mirror, mirror.resolve("trunk"))


def test_a_repository_that_the_sandbox_has_no_room_for_is_told(
    repositories: Repositories, origin: Path, sandbox_image: str
) -> None:
    (origin / "large.txt").write_bytes(b"x" * (20 << 20))  # small when packed
    git(origin, "add", "-A")
    git(origin, "commit", "-q", "-m", "large")
    mirror = repositories.mirror(origin.as_uri())

    with (
        Sandbox.open(SandboxSpec(new_id(), image=sandbox_image, disk_mb=16, deadline_seconds=60)) as small,
        pytest.raises(RepositoryError, match="its disk is full; the limit is REPO_AGENT_SANDBOX_DISK_MB"),
    ):
        clone_into(small, mirror, mirror.resolve("trunk"))


def test_a_clone_is_made_ready_once_for_a_commit_and_its_tags(
    mirror: Mirror, repositories: Repositories, origin: Path
) -> None:
    head = mirror.resolve("trunk")
    first = ready_clone(mirror, head)
    made = first.stat().st_ino

    assert ready_clone(mirror, head).stat().st_ino == made
    assert ready_clone(mirror, head, depth=1) != first
    git(origin, "tag", "v2.0", "trunk")
    assert ready_clone(repositories.mirror(origin.as_uri()), head) != first


def test_few_ready_clones_are_kept(repositories: Repositories, origin: Path) -> None:
    ids = [commit(origin, "a.txt", f"{number}\n") for number in range(10)]
    mirror = repositories.mirror(origin.as_uri())

    for number, found in enumerate(ids):
        os.utime(ready_clone(mirror, found), (number, number))

    assert len(list(Marks(mirror.path).kept_clones.iterdir())) == 8
    with pytest.raises(RepositoryError, match="has no commit 0000"):
        ready_clone(mirror, "0" * 40)


@pytest.fixture
def family(tmp_path: Path, origin: Path) -> Path:
    """`origin` with a submodule named by a relative URL, which has one in turn."""
    for name in ("inner", "lib"):
        (tmp_path / name).mkdir()
        git(tmp_path / name, "init", "-q", "-b", "main")
        commit(tmp_path / name, f"{name}.txt", f"{name}\n")
    git(tmp_path / "lib", "submodule", "--quiet", "add", "../inner", "deps/inner")
    git(tmp_path / "lib", "commit", "-q", "-m", "with inner")
    git(origin, "submodule", "--quiet", "add", "../lib", "vendor/lib")
    git(origin, "commit", "-q", "-m", "with lib")
    return origin


def test_submodules_are_empty_until_they_are_asked_for(box: Sandbox, repositories: Repositories, family: Path) -> None:
    mirror = repositories.mirror(family.as_uri())
    head = mirror.resolve("trunk")
    clone_into(box, mirror, head)
    assert out(box, "ls -A vendor/lib") == ""

    made = clone_submodules(box, repositories, mirror, head, "/workspace/repo")

    assert made == ["vendor/lib", "vendor/lib/deps/inner"]
    assert out(box, "cat vendor/lib/lib.txt vendor/lib/deps/inner/inner.txt; git status --short") == "lib\ninner\n"
    assert submodule_around(mirror, head, "vendor/lib/deps") == "vendor/lib"
    with pytest.raises(RepositoryError, match="inside the submodule vendor/lib: ask for the task with submodules"):
        clone_into(box, mirror, head, "/workspace/x", subfolder="vendor/lib/deps")


def test_a_submodule_that_cannot_be_had_names_itself(box: Sandbox, repositories: Repositories, family: Path) -> None:
    git(family, "config", "-f", ".gitmodules", "submodule.vendor/lib.url", "https://host.example/lib")
    git(family, "commit", "-q", "-a", "-m", "elsewhere")
    mirror = repositories.mirror(family.as_uri())
    clone_into(box, mirror, mirror.resolve("trunk"))

    with pytest.raises(RepositoryError, match=r"submodule vendor/lib of .*: protocol 'https' is not allowed"):
        clone_submodules(box, repositories, mirror, mirror.resolve("trunk"), "/workspace/repo")
