from pathlib import Path

import pytest

from repo_agent_dagster.artifacts import ArtifactError, ArtifactStore, TaskArtifacts


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "kept")


def test_what_was_kept_is_read_again_with_its_size_digest_and_place(store: ArtifactStore) -> None:
    kept = store.put("tasks/1/junit.xml", b"<testsuites/>")

    assert store.get("tasks/1/junit.xml") == b"<testsuites/>"
    assert (kept.name, kept.bytes) == ("junit.xml", 13)
    assert Path(kept.url.removeprefix("file://")).read_bytes() == b"<testsuites/>"


def test_a_file_is_kept_like_bytes(store: ArtifactStore, tmp_path: Path) -> None:
    source = tmp_path / "log.gz"
    source.write_bytes(b"\x1f\x8b" + b"x" * 100_000)

    assert store.put("tasks/1/log.gz", source).bytes == 100_002
    assert store.get("tasks/1/log.gz") == source.read_bytes()


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../up", "tasks/../../up", "a//b", "a/.hidden", "a b", "a\0b", "x" * 901]
)
def test_a_key_that_is_no_plain_path_is_refused(store: ArtifactStore, key: str) -> None:
    with pytest.raises(ArtifactError, match="no key"):
        store.put(key, b"")


def test_a_missing_object_is_told(store: ArtifactStore) -> None:
    with pytest.raises(ArtifactError, match="has none"):
        store.get("tasks/none")
    assert not store.exists("tasks/none")


def test_the_url_of_an_object_store_has_no_credentials() -> None:
    assert ArtifactStore("s3://key:secret@bucket/prefix/").url("tasks/1/a") == "s3://bucket/prefix/tasks/1/a"


def test_a_task_has_names_of_its_own(store: ArtifactStore) -> None:
    one, other = TaskArtifacts(store, "1"), TaskArtifacts(store, "2")
    one.put("report.html", b"first")
    one.put("report.html", b"second")
    other.put("report.html", b"other")

    assert one.get("report.html") == b"second"
    assert [kept.name for kept in one.kept] == ["report.html"]
    assert store.listing("tasks") == ["tasks/1/report.html", "tasks/2/report.html"]
