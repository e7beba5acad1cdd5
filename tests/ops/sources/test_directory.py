"""The folder source: which files it offers, under which names, and how they are read."""

import gzip
from datetime import date
from pathlib import Path

import pytest

from repo_agent_dagster.ops.sources.directory import CHUNK_BYTES, DirectorySource, embedded_sources
from repo_agent_dagster.ops.sources.protocol import DamagedLogObject, Window

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

    for found in source(tmp_path).fetch(Window.of_day(DAY)):
        chunks = list(found.chunks())
        assert max(map(len, chunks)) <= CHUNK_BYTES
        assert b"".join(chunks) == content


@pytest.mark.parametrize("damage", ["cut short", "garbled", "not gzip"])
def test_a_damaged_file_says_so_after_what_can_be_read(tmp_path: Path, damage: str) -> None:
    packed = gzip.compress(b"line\n" * 100_000)
    broken = {"cut short": packed[:-20], "garbled": packed[:200] + b"\xff" * 50 + packed[250:], "not gzip": b"{}\n"}
    (tmp_path / "a.jsonl.gz").write_bytes(broken[damage])
    [found] = source(tmp_path).fetch(Window.of_day(DAY))

    with pytest.raises(DamagedLogObject, match=r"a\.jsonl\.gz"):
        list(found.chunks())


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
