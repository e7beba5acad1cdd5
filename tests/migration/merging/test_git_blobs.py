"""A base that only the target repository's history has is found there, without hook, filter or network."""

import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from repo_agent_dagster.migration.merging.bases import Bases, find_base
from repo_agent_dagster.migration.merging.git_blobs import blob_id, from_git, object_format

CONTENTS = [b"", b"text\n", b"\r\n\0\xff" * 5000, "größe\n".encode()]


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, input=stdin, stdout=subprocess.PIPE, check=True)
    return done.stdout


def repository(folder: Path, *options: str) -> Path:
    folder.mkdir()
    git(folder, "init", "-q", *options)
    return folder


def committed(root: Path, name: str, content: bytes) -> None:
    (root / name).write_bytes(content)
    git(root, "add", name)
    git(root, "commit", "-qm", "a file")


@pytest.mark.parametrize("names", ["sha1", "sha256"])
class TestBothObjectFormats:
    def test_the_blob_id_is_gits(self, tmp_path: Path, names: str) -> None:
        root = repository(tmp_path / "r", "--object-format", names)
        kind = object_format(root)
        assert kind == names
        for content in CONTENTS:
            assert blob_id(content, kind) == git(root, "hash-object", "--stdin", stdin=content).decode().strip()

    def test_what_was_committed_once_is_found_from_any_folder_of_the_repository(
        self, tmp_path: Path, names: str
    ) -> None:
        root = repository(tmp_path / "r", "--object-format", names)
        committed(root, "f", CONTENTS[2])
        committed(root, "f", b"later\n")
        git(root, "gc", "-q")
        (root / "apps").mkdir()
        kind = object_format(root / "apps")
        assert kind is not None
        assert from_git(root / "apps", blob_id(CONTENTS[2], kind)) == CONTENTS[2]

    def test_what_is_not_there_is_not_found(self, tmp_path: Path, names: str) -> None:
        root = repository(tmp_path / "r", "--object-format", names)
        for content in CONTENTS:
            assert from_git(root, blob_id(content)) is None
            assert from_git(root, blob_id(content, "sha256")) is None


def test_a_fresh_clone_finds_the_base_that_a_colleague_wrote(tmp_path: Path) -> None:
    committed(repository(tmp_path / "theirs"), "f", b"base\n")
    git(tmp_path, "clone", "-q", "theirs", "mine")
    base = find_base(
        sha256(b"base\n").hexdigest(),
        ours=b"edited\n",
        theirs=b"new\n",
        bases=Bases(tmp_path / "nothing"),
        root=tmp_path / "mine",
        blob=blob_id(b"base\n"),
    )
    assert base == b"base\n"


def test_a_blob_of_another_content_is_not_taken_for_the_base(tmp_path: Path) -> None:
    committed(repository(tmp_path / "r"), "f", b"other\n")
    base = find_base(
        sha256(b"base\n").hexdigest(),
        ours=b"edited\n",
        theirs=b"new\n",
        bases=Bases(tmp_path / "nothing"),
        root=tmp_path / "r",
        blob=blob_id(b"other\n"),
    )
    assert base is None


@pytest.mark.parametrize("blob", ["", "HEAD", "HEAD:f", "--help", "abc", "Z" * 40, "a" * 41])
def test_only_whole_names_are_looked_for(tmp_path: Path, blob: str) -> None:
    committed(repository(tmp_path / "r"), "f", b"x\n")
    assert from_git(tmp_path / "r", blob) is None


def test_a_commit_is_no_content(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    committed(root, "f", b"x\n")
    assert from_git(root, git(root, "rev-parse", "HEAD").decode().strip()) is None


def test_outside_of_a_repository_there_is_nothing(tmp_path: Path) -> None:
    assert object_format(tmp_path) is None
    assert from_git(tmp_path, blob_id(b"x")) is None
    assert from_git(tmp_path / "missing", blob_id(b"x")) is None


def test_without_git_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(repository(tmp_path / "r"), "f", b"x\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert from_git(tmp_path / "r", blob_id(b"x\n")) is None


def test_a_hooks_environment_does_not_lead_to_another_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(repository(tmp_path / "r"), "f", b"x\n")
    other = repository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert from_git(tmp_path / "r", blob_id(b"x\n")) == b"x\n"


def test_filters_do_not_run(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    ran = tmp_path / "ran"
    committed(root, "f", b"x\n")
    committed(root, ".gitattributes", b"* filter=evil diff=evil\n")
    for key in ("filter.evil.smudge", "filter.evil.clean", "diff.evil.textconv"):
        git(root, "config", key, f"touch {ran}; cat")
    assert from_git(root, blob_id(b"x\n")) == b"x\n"
    assert not ran.exists()


def test_a_partial_clone_fetches_nothing(tmp_path: Path) -> None:
    source = repository(tmp_path / "source")
    git(source, "config", "uploadpack.allowFilter", "true")
    git(source, "config", "uploadpack.allowAnySHA1InWant", "true")
    committed(source, "f", b"not fetched\n")
    url = f"file://{source}"
    git(tmp_path, "clone", "-q", "--filter=blob:none", "--no-checkout", url, "partial")
    before = _objects(tmp_path / "partial")
    assert from_git(tmp_path / "partial", blob_id(b"not fetched\n")) is None
    assert _objects(tmp_path / "partial") == before


def _objects(root: Path) -> list[str]:
    return sorted(name for _, _, names in os.walk(root / ".git" / "objects") for name in names)
