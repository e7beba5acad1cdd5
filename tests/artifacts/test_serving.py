import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from repo_agent_dagster.artifacts import ArtifactError, ArtifactStore
from repo_agent_dagster.artifacts.serving import SignedServer

HOUR = timedelta(hours=1)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(tmp_path: Path, clock: Clock) -> Iterator[SignedServer]:
    store = ArtifactStore(tmp_path / "kept")
    store.put("scripts/one.sh", b"echo one")
    store.put("scripts/two.sh", b"echo two")
    (tmp_path / "secret").write_text("outside")
    serving = SignedServer(store, "127.0.0.1", clock=clock)
    yield serving
    serving.close()


def fetched(url: str, method: str = "GET") -> tuple[int, bytes]:
    request = urllib.request.Request(url, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


def test_a_signed_url_gives_its_object(server: SignedServer) -> None:
    assert fetched(server.sign("scripts/one.sh", lifetime=HOUR)) == (200, b"echo one")


def test_it_gives_no_other_object(server: SignedServer) -> None:
    url = server.sign("scripts/one.sh", lifetime=HOUR)
    assert fetched(url.replace("one.sh", "two.sh"))[0] == 403
    assert fetched(url.replace("scripts/one.sh", "..%2Fsecret"))[0] == 403
    assert fetched(url.partition("?")[0])[0] == 403


def test_it_ends_with_its_lifetime_which_nobody_can_prolong(server: SignedServer, clock: Clock) -> None:
    url = server.sign("scripts/one.sh", lifetime=HOUR)
    clock.now += HOUR
    assert fetched(url)[0] == 410
    stamp = int(clock.now.timestamp())
    assert fetched(url.replace(f"expires={stamp}", f"expires={stamp + 60}"))[0] == 403


@pytest.mark.parametrize("method", ["HEAD", "PUT", "POST", "DELETE", "OPTIONS"])
def test_it_is_for_reading_only(server: SignedServer, method: str) -> None:
    assert fetched(server.sign("scripts/one.sh", lifetime=HOUR), method)[0] == 501


def test_a_signed_object_that_is_gone_is_told(server: SignedServer) -> None:
    assert fetched(server.sign("scripts/none.sh", lifetime=HOUR))[0] == 404


def test_an_object_store_signs_its_own_urls() -> None:
    store = ArtifactStore(
        "s3://bucket/kept",
        options={"access_key_id": "AKIDEXAMPLE", "secret_access_key": "not-a-secret", "region": "eu-central-1"},
    )
    url = store.sign("scripts/one.sh", lifetime=HOUR)
    assert "kept/scripts/one.sh?" in url
    assert "X-Amz-Expires=3600" in url
    assert "not-a-secret" not in url


def test_a_folder_has_nobody_to_sign_for_it(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="is a folder"):
        ArtifactStore(tmp_path).sign("a", lifetime=HOUR)
