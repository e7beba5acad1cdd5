"""URLs of repositories: what is taken, what is refused, and what of them may be shown."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.sandbox.repositories.faults import RepositoryError
from repo_agent_dagster.sandbox.repositories.urls import parse_url, redacted

ALL = frozenset({"https", "http", "ssh", "git", "file", "ext", "fd"})
USUAL = frozenset({"https", "ssh"})


@pytest.mark.parametrize(
    "url",
    [
        *("--upload-pack=touch x", "-x", "ext::sh -c id", "fd::17", "", "https://host/a b", "https://host/a\nb"),
        *("https://", "https:///path", "https://-oProxyCommand=x/y", "https://host:port/x", "ssh://-o@host/x"),
    ],
)
def test_what_git_would_take_for_an_option_or_a_command_is_refused(url: str) -> None:
    with pytest.raises(RepositoryError, match="is not taken as a repository's URL"):
        parse_url(url, ALL)


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
def test_a_protocol_must_be_allowed(url: str, protocol: str) -> None:
    with pytest.raises(RepositoryError, match=f"protocol '{protocol}' is not allowed here.*https, ssh"):
        parse_url(url, USUAL)


def test_the_short_form_of_ssh_is_ssh() -> None:
    with pytest.raises(RepositoryError, match="protocol 'ssh'"):
        parse_url("git@host.example:team/repo.git", frozenset({"file"}))


def test_credentials_are_taken_out_of_a_url() -> None:
    url = parse_url("https://robot:p%40ss@Host.Example:443/team/repo.git", USUAL)

    assert (url.location, url.server) == ("https://host.example/team/repo.git", "https://host.example")
    assert url.credentials is not None
    assert (url.credentials.username, url.credentials.password) == ("robot", "p@ss")
    assert "p@ss" not in repr(url)
    assert "robot" not in repr(url)


def test_the_user_of_an_ssh_url_stays_and_a_password_is_refused() -> None:
    assert parse_url("ssh://git@host.example/team/repo", USUAL).location == "ssh://git@host.example/team/repo"
    with pytest.raises(RepositoryError, match="ssh takes no password") as raised:
        parse_url("ssh://git:hunter2@host.example/team/repo", USUAL)
    assert "hunter2" not in str(raised.value)


def test_a_path_is_one_on_this_machine_whole_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert parse_url("./a b%".replace(" ", "_"), ALL).location == f"file://{tmp_path}/a_b%25"
    assert parse_url(str(tmp_path), ALL) == parse_url(tmp_path.as_uri(), ALL)
    with pytest.raises(RepositoryError, match="a file URL has no host"):
        parse_url("file://me:hunter2@elsewhere/srv", ALL)


def test_a_mirrors_name_is_the_same_with_other_credentials() -> None:
    def name(url: str) -> str:
        return parse_url(url, ALL).mirror_name

    assert name("https://old@host.example/team/repo.git") == name("https://new:x@HOST.example/team/repo/")
    assert name("https://host.example/team/repo") != name("https://host.example/other/repo")
    assert name("/srv/repo") != name("/srv/repo.git")


@pytest.mark.parametrize(
    ("parent", "relative", "whole"),
    [
        ("https://host.example/team/app.git", "../lib.git", "https://host.example/team/lib.git"),
        ("https://host.example/team/app.git/", "../../other/lib", "https://host.example/other/lib"),
        ("https://host.example/team/app", "./lib", "https://host.example/team/app/lib"),
        ("git@host.example:team/app.git", "../lib", "git@host.example:team/lib"),
        ("git@host.example:app.git", "../lib", "git@host.example:lib"),
        ("https://host.example/app", "https://elsewhere.example/lib", "https://elsewhere.example/lib"),
    ],
)
def test_a_submodules_url_is_taken_from_its_parents(parent: str, relative: str, whole: str) -> None:
    assert parse_url(parent, USUAL).submodule(relative, USUAL).location == whole


def test_a_submodule_has_its_parents_credentials_on_the_same_server_only() -> None:
    parent = parse_url("https://robot:secret@host.example/team/app", USUAL)

    assert parent.submodule("../lib", USUAL).credentials == parent.credentials
    assert parent.submodule("https://host.example/x", USUAL).credentials == parent.credentials
    for other in ("https://other.example/x", "https://host.example:8443/x", "ssh://git@host.example/x"):
        assert parent.submodule(other, USUAL).credentials is None


@pytest.mark.parametrize("url", ["/etc", "file:///srv/private", "../../../../srv", "ext::sh -c id", "-x"])
def test_a_repository_from_elsewhere_names_no_path_here_as_a_submodule(url: str) -> None:
    with pytest.raises(RepositoryError):
        parse_url("https://host.example/team/app", ALL).submodule(url, ALL)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=30))
def test_a_password_is_never_shown(password: str) -> None:
    url = f"https://robot:{password}@host.example/team/repo"
    try:
        shown = repr(parse_url(url, USUAL))
    except RepositoryError as error:
        shown = str(error)
    if password not in "https://***@host.example/team/repo is not taken as a repository's URL: it names no host":
        assert password not in shown


def test_urls_in_a_text_lose_their_credentials() -> None:
    assert redacted("fatal: https://u:p@h/x and ssh://t@h/y") == "fatal: https://***@h/x and ssh://***@h/y"
