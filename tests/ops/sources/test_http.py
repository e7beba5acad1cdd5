"""The manners of the HTTP client: waits, redirects, limits, and what it never says."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from repo_agent_dagster.ops.sources.http import BodyTooLong, HttpClient, HttpManners, HttpRefused
from repo_agent_dagster.ops.sources.protocol import SourceUnavailable
from repo_agent_dagster.ops.sources.waiting import LONGEST_DELAY_SECONDS, asked_seconds, delay_seconds
from tests.loopback.server import Answer, Loopback, said, serving

NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)
TOKEN = "made-up-" + "token-of-http"


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serving() as loopback:
        loopback.on("GET", "/file", lambda _asked: Answer(200, b"content", {"ETag": '"1"'}))
        yield loopback


@pytest.fixture
def elsewhere() -> Iterator[Loopback]:
    with serving("localhost") as loopback:
        loopback.on("GET", "/file", lambda _asked: Answer(200, b"from elsewhere"))
        yield loopback


class Waits(list[float]):
    """A client's waits, noted instead of waited."""

    def client(self, server: Loopback, **manners: float) -> HttpClient:
        patience = HttpManners(read_seconds=1, attempts=3, longest_wait=timedelta(minutes=5), **manners)
        return HttpClient(
            server.url,
            SecretStr(TOKEN),
            patience,
            may_leave=True,
            clock=lambda: NOW,
            pause=self.append,
            chance=Random(1),
        )


@pytest.fixture
def waits() -> Waits:
    return Waits()


def get(client: HttpClient, into: Path, path: str = "/file", most: int = 1000) -> bytes:
    client.download(path, into / "body", most_bytes=most)
    return (into / "body").read_bytes()


def test_a_body_comes_into_a_file(server: Loopback, waits: Waits, tmp_path: Path) -> None:
    assert get(waits.client(server), tmp_path) == b"content"
    assert server.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_known_body_is_not_sent_again(server: Loopback, waits: Waits, tmp_path: Path) -> None:
    client = waits.client(server)
    etag = client.download("/file", tmp_path / "body", most_bytes=1000).etag
    server.goes_wrong("/file", Answer(304))
    again = client.download("/file", tmp_path / "other", etag=etag, most_bytes=1000)
    assert again.is_unchanged
    assert server.asked[1].headers["if-none-match"] == '"1"'
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said({}, 429, Retry_After="17"), 17),
        (said({}, 503, Retry_After=format_datetime(NOW + timedelta(seconds=42), usegmt=True)), 42),
        (said({}, 403, X_RateLimit_Remaining="0", X_RateLimit_Reset=str(int(NOW.timestamp()) + 30)), 31),
        (said({"message": "You have exceeded a secondary rate limit"}, 403), 60),
    ],
    ids=["seconds", "a date", "GitHub's reset", "GitHub's words"],
)
def test_what_the_server_asks_for_is_waited(
    server: Loopback, waits: Waits, tmp_path: Path, answer: Answer, expected: int
) -> None:
    server.goes_wrong("/file", answer)
    assert get(waits.client(server), tmp_path) == b"content"
    assert waits == [expected]


def test_a_wait_that_is_too_long_ends_it_at_once(server: Loopback, waits: Waits, tmp_path: Path) -> None:
    server.goes_wrong("/file", said({}, 429, Retry_After="301"))
    with pytest.raises(SourceUnavailable, match="asked again at 2026-03-04 09:05:01 UTC"):
        get(waits.client(server), tmp_path)
    assert waits == []


@pytest.mark.parametrize(
    "fault",
    [Answer(500), Answer(502), Answer(408), Answer(200, b"content", cut=3)],
    ids=["500", "502", "408", "cut off"],
)
def test_what_may_pass_is_asked_again_with_growing_pauses(
    server: Loopback, waits: Waits, tmp_path: Path, fault: Answer
) -> None:
    server.goes_wrong("/file", fault, fault)
    assert get(waits.client(server), tmp_path) == b"content"
    assert 0.5 <= waits[0] <= 1 <= waits[1] <= 2


def test_a_server_that_is_not_there_is_unavailable(waits: Waits, tmp_path: Path) -> None:
    gone = Loopback(port=9)  # discard: nobody listens
    with pytest.raises(SourceUnavailable, match="asked 3 times"):
        get(waits.client(gone), tmp_path)


@pytest.mark.parametrize(
    ("status", "advice"), [(401, "token_env"), (403, "permission"), (404, "url"), (410, "gone"), (400, "settings")]
)
def test_a_refusal_says_what_to_do_and_is_not_repeated(
    server: Loopback, waits: Waits, tmp_path: Path, status: int, advice: str
) -> None:
    server.goes_wrong("/file", said({"message": f"no, not with {TOKEN}"}, status))
    with pytest.raises(HttpRefused, match=advice) as fault:
        get(waits.client(server), tmp_path)
    assert fault.value.status == status
    assert TOKEN not in str(fault.value)
    assert len(server.asked) == 1


def test_another_host_is_not_shown_the_token(
    server: Loopback, elsewhere: Loopback, waits: Waits, tmp_path: Path
) -> None:
    server.on("GET", "/moved", lambda _asked: Answer(302, headers={"Location": f"{elsewhere.url}/file?sig=made-up"}))
    assert get(waits.client(server), tmp_path, "/moved") == b"from elsewhere"
    assert "authorization" not in elsewhere.asked[0].headers


def test_another_host_is_not_asked_unless_that_was_allowed(
    server: Loopback, elsewhere: Loopback, tmp_path: Path
) -> None:
    server.on("GET", "/moved", lambda _asked: Answer(302, headers={"Location": f"{elsewhere.url}/file"}))
    with pytest.raises(HttpRefused, match="another host, localhost"):
        get(HttpClient(server.url, SecretStr(TOKEN)), tmp_path, "/moved")
    assert not elsewhere.asked


def test_the_same_host_is_shown_the_token_again(server: Loopback, waits: Waits, tmp_path: Path) -> None:
    server.on("GET", "/moved", lambda _asked: Answer(301, headers={"Location": "/file"}))
    assert get(waits.client(server), tmp_path, "/moved") == b"content"
    assert "authorization" in server.asked[1].headers


def test_a_signed_address_is_not_told(server: Loopback, elsewhere: Loopback, waits: Waits, tmp_path: Path) -> None:
    server.on("GET", "/moved", lambda _asked: Answer(302, headers={"Location": f"{elsewhere.url}/x/y?sig=made-up"}))
    with pytest.raises(HttpRefused) as fault:
        get(waits.client(server), tmp_path, "/moved")
    assert "sig" not in str(fault.value)
    assert "/x/y" not in str(fault.value)


@pytest.mark.parametrize("target", ["ftp://example.test/x", "file:///etc/passwd"])
def test_a_redirect_to_another_protocol_is_refused(server: Loopback, waits: Waits, tmp_path: Path, target: str) -> None:
    server.on("GET", "/moved", lambda _asked: Answer(302, headers={"Location": target}))
    with pytest.raises(HttpRefused, match="not safe"):
        get(waits.client(server), tmp_path, "/moved")


def test_a_circle_of_redirects_ends(server: Loopback, waits: Waits, tmp_path: Path) -> None:
    server.on("GET", "/moved", lambda _asked: Answer(302, headers={"Location": "/moved"}))
    with pytest.raises(HttpRefused, match="more than 5 times"):
        get(waits.client(server), tmp_path, "/moved")


def test_a_body_has_a_limit_also_when_it_is_packed(server: Loopback, waits: Waits, tmp_path: Path) -> None:
    import gzip

    bomb = Answer(200, gzip.compress(b"0" * 10_000_000), {"Content-Encoding": "gzip"})
    server.on("GET", "/bomb", lambda _asked: bomb)
    with pytest.raises(BodyTooLong, match="more than 1,000 bytes"):
        get(waits.client(server), tmp_path, "/bomb")
    assert (tmp_path / "body").stat().st_size <= 1000


def test_a_body_that_drips_is_given_up_in_time(server: Loopback, waits: Waits, tmp_path: Path) -> None:
    server.on("GET", "/slow", lambda _asked: Answer(200, b"x" * 5000, drip=True))
    with pytest.raises(SourceUnavailable, match="too slow"):
        get(waits.client(server, body_seconds=0.05), tmp_path, "/slow")


def test_a_query_is_sent_and_not_told(server: Loopback, waits: Waits, tmp_path: Path) -> None:
    with pytest.raises(HttpRefused) as fault:
        waits.client(server).download("/q", tmp_path / "body", query={"cursor": "a b&c"}, most_bytes=10)
    assert server.asked[0].query == {"cursor": "a b&c"}
    assert "cursor" not in str(fault.value)


@given(
    st.sampled_from([403, 429, 503]),
    st.dictionaries(
        st.sampled_from(["Retry-After", "X-RateLimit-Reset", "X-RateLimit-Remaining"]), st.text(max_size=30)
    ),
)
def test_no_header_breaks_the_waiting(status: int, headers: dict[str, str]) -> None:
    seconds = asked_seconds(status, headers, "", NOW)
    assert seconds is None or seconds >= 0


@given(st.integers(1, 10_000))
def test_pauses_are_bounded(attempt: int) -> None:
    assert 0 < delay_seconds(attempt, 1.0, None, Random(0)) <= LONGEST_DELAY_SECONDS
