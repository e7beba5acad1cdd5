"""The folder source: which files it offers, under which names, and how they are read."""

import gzip
import os
import time
from datetime import date
from pathlib import Path

import pytest
import zstandard

from repo_agent_dagster.ops.sources.directory import DirectorySource, embedded_sources
from repo_agent_dagster.ops.sources.packing import CHUNK_BYTES
from repo_agent_dagster.ops.sources.protocol import DamagedLogObject, Window
from tests.ops.conftest import LogFolder, line

DAY = date(2026, 3, 3)


def source(folder: Path) -> DirectorySource:
    return DirectorySource(folder, "worker", "test")


def test_log_files_at_any_depth_are_offered_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a/z.ndjson", "a/b/c.log", "notes.txt", "a/readme.md", "d.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}\n")

    assert [o.name for o in source(tmp_path).fetch(Window.of_day(DAY))] == ["a/b/c.log", "a/z.ndjson", "b.jsonl"]


def test_a_file_keeps_its_name_when_it_is_compressed(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"line\n"))

    [found] = source(tmp_path).fetch(Window.of_day(DAY))

    assert (found.name, b"".join(found.chunks())) == ("a.jsonl", b"line\n")


def test_while_a_file_is_being_compressed_the_plain_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"whole\n")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"whole\n")[:-5])

    [found] = source(tmp_path).fetch(Window.of_day(DAY))

    assert b"".join(found.chunks()) == b"whole\n"


def test_large_files_come_in_pieces_of_bounded_size(tmp_path: Path) -> None:
    content = b"x" * (3 * CHUNK_BYTES + 17)
    (tmp_path / "plain.jsonl").write_bytes(content)
    (tmp_path / "packed.jsonl.gz").write_bytes(gzip.compress(content))
    (tmp_path / "zstandard.jsonl.zst").write_bytes(zstandard.compress(content))

    for found in source(tmp_path).fetch(Window.of_day(DAY)):
        chunks = list(found.chunks())
        assert max(map(len, chunks)) <= CHUNK_BYTES
        assert b"".join(chunks) == content


def test_a_damaged_file_says_which_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"line\n" * 100_000)[:-20])
    [found] = source(tmp_path).fetch(Window.of_day(DAY))

    with pytest.raises(DamagedLogObject, match=r"a\.jsonl\.gz"):
        list(found.chunks())


def settled(folder: Path) -> DirectorySource:
    return DirectorySource(folder, "worker", "test", clock=lambda: time.time() + 60)


def version(folder: Path) -> str | None:
    [found] = settled(folder).fetch(Window.of_day(DAY))
    return found.version


def test_a_file_that_nobody_touches_keeps_its_version(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")

    assert version(tmp_path) is not None
    assert version(tmp_path) == version(tmp_path)


def test_a_file_that_has_just_changed_has_no_version(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")

    [found] = source(tmp_path).fetch(Window.of_day(DAY))

    assert found.version is None


@pytest.mark.parametrize("change", ["appended", "rewritten in place", "replaced", "packed"])
def test_a_change_of_a_file_changes_its_version_even_when_length_and_time_are_put_back(
    tmp_path: Path, change: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a":1}\n')
    state = path.stat()
    before = version(tmp_path)
    time.sleep(0.02)  # longer than a tick of the file system's clock; in earnest SETTLING_SECONDS see to that

    if change == "appended":
        with path.open("a") as file:
            file.write("{}\n")
    elif change == "rewritten in place":
        path.write_text('{"a":2}\n')
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    elif change == "replaced":
        other = tmp_path / "new"
        other.write_text('{"a":2}\n')
        os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
        other.replace(path)
    else:
        (tmp_path / "a.jsonl.zst").write_bytes(zstandard.compress(path.read_bytes()))
        path.unlink()

    assert version(tmp_path) not in (None, before)


def test_a_settled_file_is_ingested_without_being_read_again(logs: LogFolder) -> None:
    path = logs.write("a.jsonl", [line("one")])
    logs.ingest(source=settled(logs.folder))
    assert logs.ingest(source=settled(logs.folder)).skipped_objects == 1

    path.write_text(line("two") + "\n")
    logs.ingest(source=settled(logs.folder))

    assert logs.messages() == ["two"]


def test_a_missing_folder_holds_nothing(tmp_path: Path) -> None:
    assert list(source(tmp_path / "nowhere").fetch(Window.of_day(DAY))) == []


def test_a_name_that_is_no_utf_8_is_spelled_out(tmp_path: Path) -> None:
    Path(str(tmp_path).encode().decode() + "/caf\udce9.jsonl").write_text("{}\n")

    [found] = source(tmp_path).fetch(Window.of_day(DAY))

    assert found.name == "caf\\xe9.jsonl"
    assert b"".join(found.chunks()) == b"{}\n"


def test_only_regular_files_are_offered(tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "gone.jsonl").symlink_to(tmp_path / "nowhere")

    assert list(source(tmp_path).fetch(Window.of_day(DAY))) == []


def test_the_default_sources_read_a_folder_each(tmp_path: Path) -> None:
    workers, builds = embedded_sources(tmp_path / "w", tmp_path / "b")

    assert (workers.kind, workers.folder) == ("worker", tmp_path / "w")
    assert (builds.kind, builds.folder) == ("build", tmp_path / "b")
    assert workers.name != builds.name
