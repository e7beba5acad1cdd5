"""Repositories made to harm whoever fetches or checks them out, with objects that no git would write."""

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from repo_agent_dagster.sandbox.repositories.faults import RepositoryError
from repo_agent_dagster.sandbox.repositories.history import Mirror
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
from tests.sandbox.repositories.making import blob, commit_tree, git, tree


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """An empty repository to write objects into."""
    git(tmp_path, "init", "-q", "--bare", "-b", "trunk", "evil.git")
    return tmp_path / "evil.git"


def _with_modules(text: str) -> Callable[[Path], str]:
    return lambda evil: tree(evil, ("100644", b".gitmodules", blob(evil, text.encode())))


def _named(mode: str, *names: bytes) -> Callable[[Path], str]:
    def make(evil: Path) -> str:
        held = blob(evil, b"x")
        found = tree(evil, ("100644", b"config", held)) if mode == "40000" else held
        return tree(evil, *((mode, name, found) for name in names))

    return make


REFUSED: dict[str, Callable[[Path], str]] = {
    "a .git folder": _named("40000", b".git"),
    "a .git folder in other letters": _named("40000", b".GiT"),
    "a .git folder by its short name": _named("40000", b"git~1"),
    "a .git folder with a character nobody sees": _named("40000", ".g\u200cit".encode()),
    "a folder called ..": _named("40000", b".."),
    "a folder called .": _named("40000", b"."),
    "a name with a slash": _named("100644", b"a/../../b"),
    "a name twice": _named("100644", b"a", b"a"),
    "a .gitmodules that is a link": lambda evil: tree(evil, ("120000", b".gitmodules", blob(evil, b"/etc/passwd"))),
    "a submodule's URL that is an option": _with_modules('[submodule "a"]\n\tpath = a\n\turl = --upload-pack=x\n'),
    "a submodule's name that leads out": _with_modules('[submodule "../../x"]\n\tpath = a\n\turl = https://h.example/a\n'),
    "a submodule's path that is an option": _with_modules('[submodule "a"]\n\tpath = -x\n\turl = https://h.example/a\n'),
}  # fmt: skip


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_what_harms_at_a_checkout_is_refused_when_it_is_fetched(
    repositories: Repositories, evil: Path, tmp_path: Path, make: Callable[[Path], str]
) -> None:
    commit_tree(evil, make(evil))

    with pytest.raises(RepositoryError, match="Git's own check refuses an object"):
        repositories.mirror(evil.as_uri())

    assert not list((tmp_path / "mirrors").glob("*.git"))


def test_a_mirror_stays_as_it_was_when_something_evil_is_pushed_later(repositories: Repositories, evil: Path) -> None:
    good = commit_tree(evil, _named("100644", b"readme")(evil))
    repositories.mirror(evil.as_uri())
    commit_tree(evil, REFUSED["a .git folder"](evil))

    with pytest.raises(RepositoryError, match="Git's own check refuses"):
        repositories.mirror(evil.as_uri())

    assert repositories.mirror(evil.as_uri(), ref=good).resolve("trunk") == good


def test_objects_that_lie_about_their_content_are_refused(repositories: Repositories, evil: Path) -> None:
    commit_tree(evil, _named("100644", b"readme")(evil))
    held = blob(evil, b"what was reviewed")
    path = evil / "objects" / held[:2] / held[2:]
    other = blob(evil, b"something else")
    path.chmod(0o644)
    path.write_bytes((evil / "objects" / other[:2] / other[2:]).read_bytes())
    commit_tree(evil, tree(evil, ("100644", b"readme", held)))

    with pytest.raises(RepositoryError):
        repositories.mirror(evil.as_uri())


@pytest.mark.parametrize(
    ("author", "date"),
    [("t <t@localhost>", "1234567890 +051800"), ("t<t@localhost>", "1234567890 +0000"), ("<t@localhost>", "0 +0000")],
    ids=["a time zone that is none", "no blank before the address", "no name"],
)
def test_what_old_tools_wrote_into_honest_histories_is_taken(
    repositories: Repositories, evil: Path, author: str, date: str
) -> None:
    root = _named("100644", b"readme")(evil)
    text = f"tree {root}\nauthor {author} {date}\ncommitter {author} {date}\n\nold\n"
    made = git(evil, "hash-object", "-w", "-t", "commit", "--literally", "--stdin", stdin=text.encode())
    git(evil, "update-ref", "refs/heads/trunk", made)

    assert repositories.mirror(evil.as_uri()).resolve("trunk") == made


def test_thousands_of_folders_in_one_another_do_not_stop_the_host(repositories: Repositories, evil: Path) -> None:
    bottom = tree(evil, ("100644", b"file", blob(evil, b"deep")))
    commit_tree(evil, _below(evil, bottom, 2_500))

    try:
        mirror: Mirror = repositories.mirror(evil.as_uri())
        mirror.folder(mirror.resolve("trunk"))
    except RepositoryError as error:
        assert "trunk" in str(error) or "git" in str(error)  # noqa: PT017 - newer versions of git refuse such trees


def _below(folder: Path, found: str, levels: int) -> str:
    """Write that many trees around a tree, each in the next, without a process for each; return the outermost."""
    for _ in range(levels):
        content = b"40000 d\0" + bytes.fromhex(found)
        raw = b"tree %d\0" % len(content) + content
        found = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
        path = folder / "objects" / found[:2] / found[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(zlib.compress(raw, 1))
    return found
