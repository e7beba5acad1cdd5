"""Credentials of a URL and of the host reach the server, and nobody else."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from repo_agent_dagster.sandbox.repositories.faults import RepositoryError
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
from repo_agent_dagster.sandbox.repositories.urls import Credentials, parse_url
from tests.sandbox.repositories.git_server import GitServer, git_server
from tests.sandbox.repositories.making import git

HTTP = frozenset({"http"})
PASSWORD = "hunter2-s3cret"


@pytest.fixture
def server(origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitServer]:
    """A server that lets `robot` in, and no configuration of git on this host."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    git(tmp_path, "clone", "-q", "--mirror", str(origin), "served/shop.git")
    with git_server(tmp_path / "served", "robot", PASSWORD) as running:
        yield running


@pytest.fixture
def http(tmp_path: Path) -> Repositories:
    return Repositories(tmp_path / "mirrors", HTTP)


def test_credentials_of_a_url_open_the_server_and_are_seen_nowhere(
    http: Repositories, server: GitServer, tmp_path: Path
) -> None:
    mirror = http.mirror(server.url("shop.git", f"robot:{PASSWORD}@"))

    assert mirror.resolve("trunk")
    assert any(allowed for _, _, allowed in server.requests)
    processes = b"".join(server.seen)
    assert b"remote-http" in processes
    assert PASSWORD.encode() not in processes
    assert PASSWORD not in mirror.url
    written = [path for path in (tmp_path / "mirrors").rglob("*") if path.is_file()]
    assert written
    assert all(PASSWORD.encode() not in path.read_bytes() for path in written)


def test_percent_signs_in_credentials_are_decoded(http: Repositories, server: GitServer) -> None:
    server.password = "p@ss/w:rd %"

    assert http.mirror(server.url("shop.git", "robot:p%40ss%2Fw%3Ard%20%25@")).resolve("trunk")


def test_a_line_break_in_credentials_is_refused(http: Repositories) -> None:
    with pytest.raises(RepositoryError, match="line break"):
        http.mirror("http://robot:a%0ahost=evil.example@127.0.0.1/shop.git")


def test_a_token_in_the_users_place_is_enough(http: Repositories, server: GitServer) -> None:
    server.user, server.password = "ghx_0123456789", ""

    assert http.mirror(server.url("shop.git", "ghx_0123456789@")).resolve("trunk")
    assert b"ghx_0123456789" not in b"".join(server.seen)


def test_a_wrong_password_is_told_without_the_password(http: Repositories, server: GitServer) -> None:
    with pytest.raises(RepositoryError, match="asks for credentials that this host does not have") as raised:
        http.mirror(server.url("shop.git", "robot:wr0ng-passw0rd@"))

    assert "wr0ng-passw0rd" not in str(raised.value)


def test_without_any_credentials_nobody_is_asked_on_a_terminal(http: Repositories, server: GitServer) -> None:
    with pytest.raises(RepositoryError, match="give git on this host a credential helper"):
        http.mirror(server.url("shop.git"))


def _helper(tmp_path: Path, user: str, password: str) -> Path:
    """A credential helper of the operator's, which keeps what it was asked in a file beside it."""
    helper = tmp_path / f"helper-{user}"
    helper.write_text(
        f'#!/bin/sh\ncat > "{helper}.asked-$1"\n[ "$1" != get ] || printf "username={user}\\npassword={password}\\n"\n'
    )
    helper.chmod(0o755)
    return helper


def test_the_settings_credential_helper_is_asked(server: GitServer, tmp_path: Path) -> None:
    helper = _helper(tmp_path, "robot", PASSWORD)

    repositories = Repositories(tmp_path / "mirrors", HTTP, credential_helper=str(helper))

    assert repositories.mirror(server.url("shop.git")).resolve("trunk")


def test_a_helpers_credentials_serve_lfs_too(server: GitServer, tmp_path: Path) -> None:
    repositories = Repositories(tmp_path / "mirrors", HTTP, credential_helper=str(_helper(tmp_path, "robot", PASSWORD)))

    found = repositories.credentials(parse_url(server.url("shop.git"), HTTP))
    given = repositories.credentials(parse_url(server.url("shop.git", "me:mine@"), HTTP))

    assert found == Credentials("robot", PASSWORD)
    assert given == Credentials("me", "mine")
    assert Repositories(tmp_path, HTTP).credentials(parse_url(server.url("shop.git"), HTTP)) is None


def test_the_hosts_own_helper_is_asked_and_is_not_told_a_urls_password(
    http: Repositories, server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = _helper(tmp_path, "robot", PASSWORD)
    (tmp_path / "gitconfig").write_text(f"[credential]\n\thelper = {helper}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))

    assert http.mirror(server.url("shop.git")).resolve("trunk")
    assert http.mirror(server.url("shop.git", "robot@")).resolve("trunk")
    assert "username=robot" in (tmp_path / "helper-robot.asked-get").read_text()
    for asked in tmp_path.glob("helper-robot.asked-*"):
        asked.unlink()

    assert http.mirror(server.url("shop.git", f"robot:{PASSWORD}@")).resolve("trunk")
    assert not list(tmp_path.glob("helper-robot.asked-*"))


def test_another_server_that_the_first_leads_to_gets_no_credentials(
    http: Repositories, server: GitServer, tmp_path: Path
) -> None:
    with git_server(tmp_path / "served", "robot", PASSWORD) as other:
        server.redirect_to = f"http://127.0.0.1:{other.port}"

        with pytest.raises(RepositoryError):
            http.mirror(server.url("shop.git", f"robot:{PASSWORD}@"))

        assert other.requests
        assert other.authorizations == []


def test_what_was_fetched_with_somebodys_credentials_is_not_lent_to_others(
    http: Repositories, server: GitServer
) -> None:
    mirror = http.mirror(server.url("shop.git", f"robot:{PASSWORD}@"))
    commit = mirror.resolve("trunk")

    with pytest.raises(RepositoryError, match="asks for credentials"):
        http.mirror(server.url("shop.git"), ref=commit)


def test_this_projects_own_settings_are_not_in_gits_environment(
    http: Repositories, server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_AGENT_AI_API_KEY", "key-of-the-model")
    monkeypatch.setenv("GIT_TRACE_CURL", "1")

    http.mirror(server.url("shop.git", f"robot:{PASSWORD}@"))

    # The handler's own process is Python's, with the variable: only git's are looked at.
    assert os.environ["REPO_AGENT_AI_API_KEY"] == "key-of-the-model"
    assert all(b"key-of-the-model" not in seen for seen in server.seen)
