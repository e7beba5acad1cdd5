"""What people write for a state of a repository, and what it means."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.sandbox.repositories.faults import RepositoryError
from repo_agent_dagster.sandbox.repositories.history import Mirror
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
from repo_agent_dagster.sandbox.repositories.refs import meanings
from tests.sandbox.repositories.making import git


def test_branches_tags_and_commits_resolve(mirror: Mirror, origin: Path) -> None:
    head = git(origin, "rev-parse", "trunk")

    for ref in ("HEAD", "trunk", "refs/heads/trunk", head, head[:10]):
        assert mirror.resolve(ref) == head
    assert mirror.resolve("v1.0") == mirror.resolve("refs/tags/v1.0") == git(origin, "rev-parse", "v1.0^{commit}")
    assert mirror.resolve("feature/login") == git(origin, "rev-parse", "feature/login")


def test_a_pull_request_is_named_in_many_ways(mirror: Mirror, origin: Path) -> None:
    proposed = git(origin, "rev-parse", "refs/pull/7/head")

    for ref in ("#7", "pr/7", "pull/7", "PR/7", "pull/7/head", "refs/pull/7/head", "!7", "mr/7"):
        assert mirror.resolve(ref) == proposed
        assert mirror.is_pull_request(ref)
    assert mirror.pull_request(7) == proposed


def test_a_merge_request_of_another_kind_of_server_is_found(repositories: Repositories, origin: Path) -> None:
    git(origin, "update-ref", "refs/merge-requests/9/head", "feature/login")

    mirror = repositories.mirror(origin.as_uri())

    assert mirror.resolve("!9") == mirror.resolve("#9") == mirror.pull_request(9)
    with pytest.raises(RepositoryError, match="shows no pull or merge request 8"):
        mirror.resolve("#8")


def test_what_a_branch_or_a_tag_holds_is_no_pull_request_and_what_nobody_merged_is(
    mirror: Mirror, origin: Path
) -> None:
    for ref in ("HEAD", "trunk", "v1.0", git(origin, "rev-parse", "feature/login")):
        assert not mirror.is_pull_request(ref)
    assert mirror.is_pull_request(git(origin, "rev-parse", "refs/pull/7/head"))


def test_a_name_that_means_two_commits_is_told(repositories: Repositories, origin: Path) -> None:
    git(origin, "tag", "feature/login", "trunk")
    git(origin, "branch", "pr/7", "trunk")
    git(origin, "tag", "trunk", "trunk")

    mirror = repositories.mirror(origin.as_uri())

    with pytest.raises(RepositoryError, match=r"refs/heads/feature/login \(.*refs/tags/feature/login \("):
        mirror.resolve("feature/login")
    with pytest.raises(RepositoryError, match=r"refs/heads/pr/7 .*refs/pull/7/head"):
        mirror.resolve("pr/7")
    assert mirror.resolve("trunk") == mirror.resolve("refs/heads/trunk")


def test_an_unknown_ref_names_what_is_near(mirror: Mirror) -> None:
    with pytest.raises(RepositoryError, match=r"'feature/logon'; near it: feature/login"):
        mirror.resolve("feature/logon")
    with pytest.raises(RepositoryError, match="no branch, tag or commit '0000"):
        mirror.resolve("0" * 40)


@pytest.mark.parametrize(
    "ref", ["", "--upload-pack=x", "a..b", "HEAD^", "HEAD~1", "a b", "x@{1}", "a\nb", "/a", "a/", "a.lock", "a:b"]
)
def test_what_is_no_plain_name_is_no_ref(ref: str) -> None:
    with pytest.raises(RepositoryError, match="is no name"):
        meanings(ref)


@given(st.text(max_size=40))
def test_whatever_is_written_becomes_full_names_or_is_refused(ref: str) -> None:
    try:
        meant = meanings(ref)
    except RepositoryError:
        return
    assert meant.names or meant.commit_id
    assert all(name == "HEAD" or name.startswith("refs/") for name in meant.names)
    assert not any(character in name for name in meant.names for character in " \n\0~^:")


def test_an_empty_repository_is_told(repositories: Repositories, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "empty.git")

    with pytest.raises(RepositoryError, match="no branch and no tag"):
        repositories.mirror((tmp_path / "empty.git").as_uri()).resolve("HEAD")


def test_a_tag_of_something_else_than_a_commit_is_no_state(repositories: Repositories, origin: Path) -> None:
    git(origin, "tag", "just-a-file", git(origin, "rev-parse", "trunk:a.txt"))

    with pytest.raises(RepositoryError, match="no branch, tag or commit 'just-a-file'"):
        repositories.mirror(origin.as_uri()).resolve("just-a-file")
