"""Log files in an object store: which are offered, when they are read again, and what its faults come to.

The stores are obstore's own, in memory and a folder by URL, and a loopback server that speaks S3's protocol.
"""

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zstandard

from repo_agent_dagster.artifacts import ArtifactStore
from repo_agent_dagster.ops.sources.object_store import CLOCK_SKEW, ObjectStoreSource
from repo_agent_dagster.ops.sources.packing import CHUNK_BYTES
from repo_agent_dagster.ops.sources.protocol import SourceRefused, SourceUnavailable, Window
from tests.ops.conftest import DAY, LogFolder, line
from tests.ops.sources.loopback_s3 import S3Bucket, serving


@pytest.fixture(params=["memory", "folder"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    """A store by URL."""
    if request.param == "memory":
        return ArtifactStore("memory:///")
    (tmp_path / "bucket").mkdir()
    return ArtifactStore((tmp_path / "bucket").as_uri())


def source(bucket: ArtifactStore) -> ObjectStoreSource:
    return ObjectStoreSource(bucket, "worker", "test-worker")


def names(bucket: ArtifactStore, window: Window | None = None) -> list[str]:
    return [found.name for found in source(bucket).fetch(window or Window.of_day(DAY))]


def test_log_files_at_any_depth_are_offered_in_the_order_of_their_names(bucket: ArtifactStore) -> None:
    for key in ("b.jsonl", "a/z.ndjson.gz", "a/b/c.log.zst", "a/readme.md", "a.json"):
        bucket.put(key, b"")

    assert names(bucket) == ["a/b/c.log", "a/z.ndjson", "b.jsonl"]


def test_packed_objects_are_unpacked_in_pieces_of_bounded_size(bucket: ArtifactStore) -> None:
    content = b"line\n" * 400_000
    bucket.put("a.jsonl", content)
    bucket.put("b.jsonl.gz", gzip.compress(content))
    bucket.put("c.jsonl.zst", zstandard.compress(content))

    for found in source(bucket).fetch(Window.of_day(DAY)):
        chunks = list(found.chunks())
        assert max(map(len, chunks)) <= CHUNK_BYTES
        assert b"".join(chunks) == content


def test_an_object_that_was_written_before_the_window_is_left_out(bucket: ArtifactStore) -> None:
    bucket.put("a.jsonl", b"")
    start = datetime.now(UTC) + CLOCK_SKEW
    hour = timedelta(hours=1)

    assert names(bucket, Window(start - hour, start)) == ["a.jsonl"]
    assert names(bucket, Window(start + hour, start + 2 * hour)) == []


def test_lines_arrive_once_and_an_object_that_is_written_anew_is_read_anew(
    bucket: ArtifactStore, logs: LogFolder
) -> None:
    bucket.put("a.jsonl", line("one").encode())
    logs.ingest(source=source(bucket))
    assert logs.ingest(source=source(bucket)).skipped_objects == 1

    bucket.put("a.jsonl", f"{line('one')}\n{line('two')}\n".encode())

    assert logs.ingest(source=source(bucket)).written == 2
    assert logs.messages() == ["one", "two"]


def test_a_place_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="nowhere"):
        names(ArtifactStore((tmp_path / "nowhere").as_uri()))


def test_an_object_that_goes_away_before_it_is_read_is_unavailable(bucket: ArtifactStore, tmp_path: Path) -> None:
    bucket.put("a.jsonl", b"{}")
    [found] = source(bucket).fetch(Window.of_day(DAY))
    gone = ArtifactStore("memory:///")

    with pytest.raises(SourceUnavailable, match=r"a\.jsonl"):
        list(type(found)(found.name, found.key, gone).chunks())


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Bucket]:
    """A bucket served by S3's protocol, its credentials in the environment as its tools have them."""
    with serving(S3Bucket()) as served:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{served.port}")
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-of-the-test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-test")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        yield served


def s3_source() -> ObjectStoreSource:
    return source(ArtifactStore("s3://bucket/logs/", retries=0))


def test_a_bucket_is_read_in_pages_below_its_prefix(s3: S3Bucket, logs: LogFolder) -> None:
    s3.page_size = 2
    s3.objects = {f"logs/20260303/T{n}:00 a.log.gz": gzip.compress(line(f"m{n}").encode()) for n in range(5)}
    s3.objects["other/b.log"] = line("not ours").encode()

    assert logs.ingest(source=s3_source()).rows == 5
    assert logs.messages() == [f"m{n}" for n in range(5)]


def test_of_a_bucket_only_what_has_another_etag_is_fetched_again(s3: S3Bucket, logs: LogFolder) -> None:
    s3.objects = {f"logs/{name}.jsonl": line(name).encode() for name in "ab"}
    logs.ingest(source=s3_source())
    s3.gets.clear()
    s3.objects["logs/b.jsonl"] += b"\n" + line("c").encode()

    logs.ingest(source=s3_source())

    assert s3.gets == ["logs/b.jsonl"]
    assert logs.messages() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("status", "fault"),
    [(403, SourceRefused), (404, SourceRefused), (429, SourceUnavailable), (503, SourceUnavailable)],
)
def test_what_a_bucket_answers_is_told_as_what_it_means(s3: S3Bucket, status: int, fault: type[Exception]) -> None:
    s3.status = status

    with pytest.raises(fault, match="s3://bucket/logs") as caught:
        list(s3_source().fetch(Window.of_day(DAY)))

    assert "secret-of-the-test" not in str(caught.value)
