"""Log proxies as sources, against one on loopback."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, select

from repo_agent_dagster.ops.ingestion.ingest import ingest_day
from repo_agent_dagster.ops.sources.http import HttpClient, HttpManners
from repo_agent_dagster.ops.sources.landing import prune_landings
from repo_agent_dagster.ops.sources.protocol import SourceIncomplete, SourceRefused, SourceUnavailable, Window
from repo_agent_dagster.ops.sources.proxy import BUILDS_PATH, WORKERS_PATH, ProxySource
from repo_agent_dagster.store.tables import worker_logs
from tests.loopback.github_faults import bad_gateway, too_many
from tests.loopback.log_proxy import TOKEN, LogProxy, serving_logs
from tests.loopback.server import Answer, said

DAY = date(2026, 3, 3)
WINDOW = Window.of_day(DAY)
QUICK = HttpManners(read_seconds=1, attempts=2, first_delay_seconds=0.01, longest_wait=timedelta(seconds=2))


@pytest.fixture
def proxy() -> Iterator[LogProxy]:
    with serving_logs() as served:
        yield served


@pytest.fixture
def source(proxy: LogProxy, tmp_path: Path) -> ProxySource:
    return ProxySource(
        name="edge",
        kind="worker",
        path=WORKERS_PATH,
        connect=partial(HttpClient, proxy.server.url, SecretStr(TOKEN), QUICK),
        landing=tmp_path / "landing",
        clock=lambda: proxy.now,
    )


def rows(source: ProxySource, window: Window = WINDOW) -> list[dict[str, Any]]:
    return [json.loads(line) for day in source.fetch(window) for line in b"".join(day.chunks()).splitlines()]


def messages(source: ProxySource) -> list[str]:
    return [row["message"] for row in rows(source)]


def partly(source: ProxySource, fault: type[Exception], match: str) -> list[str]:
    """The messages of a fetch that ends with a fault."""
    told: list[str] = []
    with pytest.raises(fault, match=match):  # noqa: PT012 - what comes before the fault is the point
        for day in source.fetch(WINDOW):
            told += [json.loads(line)["message"] for line in b"".join(day.chunks()).splitlines()]
    return told


def test_the_window_reaches_back_to_the_days_start(proxy: LogProxy, source: ProxySource) -> None:
    proxy.tell("of the day", "2026-03-03T00:00:00Z")
    proxy.tell("of the day after", "2026-03-04T00:00:00Z")
    proxy.tell("of the day before", "2026-03-02T23:59:59Z")
    assert messages(source) == ["of the day"]
    assert proxy.server.asked[0].query == {"window": "33h"}


def test_a_back_fill_asks_for_a_longer_window(proxy: LogProxy, source: ProxySource) -> None:
    proxy.now += timedelta(days=10)
    rows(source)
    assert proxy.server.asked[0].query == {"window": "273h"}


def test_a_proxy_may_be_asked_for_a_span(proxy: LogProxy, source: ProxySource) -> None:
    proxy.tell("of the day", "2026-03-03T12:00:00Z")
    assert messages(replace(source, asks_for="span")) == ["of the day"]
    assert proxy.server.asked[0].query == {"since": "2026-03-03T00:00:00Z", "until": "2026-03-04T00:00:00Z"}


def test_pages_are_followed_by_their_cursor(proxy: LogProxy, source: ProxySource) -> None:
    proxy.page_size = 3
    for number in range(8):
        proxy.tell(str(number), f"2026-03-03T12:00:0{number}Z")
    assert messages(source) == [str(number) for number in range(8)]
    assert [asked.query.get("cursor") for asked in proxy.server.asked] == [None, "3", "6"]


def test_equal_rows_of_one_answer_are_all_kept_and_counted_once(proxy: LogProxy, source: ProxySource) -> None:
    for _ in range(3):
        proxy.tell("again", "2026-03-03T12:00:00Z")
    assert messages(source) == ["again"] * 3
    assert messages(source) == ["again"] * 3


def test_rows_with_an_id_count_once_however_often_they_are_told(proxy: LogProxy, source: ProxySource) -> None:
    for _ in range(3):
        proxy.tell("one", "2026-03-03T12:00:00Z", id="r-1")
    proxy.tell("another", "2026-03-03T12:00:00Z", id=2)
    assert messages(source) == ["one", "another"]
    proxy.tell("a third", "2026-03-03T12:00:00Z", id="r-3")
    assert messages(source) == ["one", "another", "a third"]


def test_what_the_proxy_has_forgotten_is_kept(proxy: LogProxy, source: ProxySource) -> None:
    proxy.tell("morning", "2026-03-03T08:00:00Z")
    rows(source)
    proxy.rows.clear()
    proxy.tell("evening", "2026-03-03T20:00:00Z")
    assert messages(source) == ["morning", "evening"]


def test_a_proxy_that_remembers_too_little_leaves_the_day_incomplete(proxy: LogProxy, source: ProxySource) -> None:
    proxy.tell("evening", "2026-03-03T20:00:00Z")
    short = replace(source, most_hours=24)
    told = partly(short, SourceIncomplete, "from 2026-03-03T00:00:00Z to 2026-03-03T09:00:00Z are missing")
    assert told == ["evening"]


def test_fetches_that_overlap_make_a_day_whole(proxy: LogProxy, source: ProxySource) -> None:
    short = replace(source, most_hours=24)
    proxy.now = datetime.fromisoformat("2026-03-03T12:00:00Z")
    proxy.tell("morning", "2026-03-03T08:00:00Z")
    assert messages(short) == ["morning"]
    proxy.now = datetime.fromisoformat("2026-03-04T09:00:00Z")
    assert messages(short) == ["morning"]
    proxy.now = datetime.fromisoformat("2026-03-04T13:00:00Z")
    assert messages(short) == ["morning"]


def test_a_gap_between_two_fetches_is_told(proxy: LogProxy, source: ProxySource) -> None:
    short = replace(source, most_hours=6)
    proxy.now = datetime.fromisoformat("2026-03-03T06:00:00Z")
    rows(short)
    proxy.now = datetime.fromisoformat("2026-03-03T18:00:00Z")
    partly(short, SourceIncomplete, "from 2026-03-03T06:00:00Z to 2026-03-03T12:00:00Z are missing")


def test_a_day_that_is_settled_is_not_asked_for_again(proxy: LogProxy, source: ProxySource) -> None:
    proxy.tell("old", "2026-03-03T12:00:00Z")
    proxy.now = WINDOW.end + WINDOW.lateness
    assert messages(source) == messages(source) == ["old"]
    assert len(proxy.server.asked) == 1


def test_an_answer_that_has_not_changed_is_not_sent_again(proxy: LogProxy, source: ProxySource) -> None:
    proxy.tell("same", "2026-03-03T12:00:00Z")
    assert messages(source) == messages(source) == ["same"]
    assert "if-none-match" in proxy.server.asked[1].headers


def test_pages_before_one_that_fails_are_kept(proxy: LogProxy, source: ProxySource) -> None:
    proxy.page_size = 2
    for number in range(6):
        proxy.tell(str(number), f"2026-03-03T12:00:0{number}Z")
    first = Answer(200, json.dumps({"logs": proxy.rows[:2], "next_cursor": "2"}).encode())
    proxy.server.goes_wrong("/v1/", first, bad_gateway(), bad_gateway())
    assert partly(source, SourceUnavailable, "502.*asked 2 times") == ["0", "1"]
    assert messages(source) == [str(number) for number in range(6)]


def test_a_cursor_that_leads_back_ends_the_fetch(proxy: LogProxy, source: ProxySource) -> None:
    proxy.server.goes_wrong("/v1/", *[said({"logs": [], "next_cursor": "x"}) for _ in range(9)])
    partly(source, SourceUnavailable, "leads back")
    assert len(proxy.server.asked) == 2


@pytest.mark.parametrize("fault", [too_many("1"), bad_gateway(), Answer(200, b'{"logs": [' + b" " * 99, cut=20)])
def test_what_passes_is_asked_again(proxy: LogProxy, source: ProxySource, fault: Answer) -> None:
    proxy.tell("there", "2026-03-03T12:00:00Z")
    proxy.server.goes_wrong("/v1/", fault)
    assert messages(source) == ["there"]


@pytest.mark.parametrize(
    ("body", "fault", "said_of_it"),
    [
        (b"<html>Log in</html>", SourceRefused, "is not"),
        (b'{"rows": []}', SourceRefused, 'no "logs"'),
        (b'{"logs": [{"worker": "a"}, {"wor', SourceUnavailable, "after 1 rows"),
        (b'{"logs": ' + b"[" * 100_000, SourceUnavailable, "nested too deeply"),
    ],
)
def test_an_answer_of_another_shape_is_told(
    proxy: LogProxy, source: ProxySource, body: bytes, fault: type[Exception], said_of_it: str
) -> None:
    proxy.server.goes_wrong("/v1/", Answer(200, body))
    with pytest.raises(fault, match=said_of_it):
        rows(source)


def test_an_answer_that_is_too_long_is_refused(proxy: LogProxy, source: ProxySource) -> None:
    proxy.tell("x" * 5000, "2026-03-03T12:00:00Z")
    with pytest.raises(SourceRefused, match="more than 1,000 bytes"):
        rows(replace(source, page_bytes=1000))


@pytest.mark.parametrize(
    "row",
    [
        {"timestamp": "2026-03-03T12:00:00Z"},
        {"meta": {"ts": 1772539200}},
        {"ts": "not a time", "meta": {"timestamp": "2026-03-03T13:00:00+01:00"}},
    ],
)
def test_a_rows_time_may_stand_elsewhere(proxy: LogProxy, source: ProxySource, row: dict[str, Any]) -> None:
    proxy.server.goes_wrong("/v1/", said({"logs": [{"worker": "a", "level": "info", "message": "m", **row}]}))
    assert rows(source)[0]["ts"] == "2026-03-03T12:00:00.000000Z"


def test_builds_are_told_by_another_address(tmp_path: Path) -> None:
    with serving_logs(BUILDS_PATH) as proxy:
        builds = ProxySource(
            "ci", "build", BUILDS_PATH, partial(HttpClient, proxy.server.url, SecretStr(TOKEN)), tmp_path,
            clock=lambda: proxy.now,
        )  # fmt: skip
        row = {"level": "error", "message": "boom", "ts": "2026-03-03T12:00:00Z"}
        proxy.rows.append({**row, "meta": {"repo": "acme/shop", "run_id": 7}})
        assert [(row["repo"], row["run_id"]) for row in rows(builds)] == [("acme/shop", 7)]


def test_rows_come_into_the_table_once_and_those_without_a_time_into_quarantine(
    proxy: LogProxy, source: ProxySource, store: Engine, tmp_path: Path
) -> None:
    proxy.tell("one", "2026-03-03T12:00:00Z")
    proxy.tell("one", "2026-03-03T12:00:00Z")
    proxy.rows.append({"worker": "shop", "level": "error", "message": "when?"})
    for _ in range(2):
        result = ingest_day(store, source, DAY, now=proxy.now, quarantine_dir=tmp_path / "q")
        assert (result.rows, result.quarantined) == (2, 1)
    with store.connect() as connection:
        assert list(connection.execute(select(worker_logs.c.message)).scalars()) == ["one", "one"]


def test_a_wrong_token_says_what_to_do_and_is_not_repeated(proxy: LogProxy, source: ProxySource) -> None:
    wrong = replace(source, connect=partial(HttpClient, proxy.server.url, SecretStr("wrong-token-" + "value"), QUICK))
    with pytest.raises(SourceRefused, match="token_env") as fault:
        rows(wrong)
    assert "wrong-token" not in str(fault.value)
    assert len(proxy.server.asked) == 1


def test_secrets_do_not_land_on_disk(proxy: LogProxy, source: ProxySource) -> None:
    token, password = "ghp_" + "a1B2" * 9, "made-up-" + "password-1"
    proxy.tell(f"cloning with {token}", "2026-03-03T12:00:00Z", meta={"db": {"password": password}, "ü": "ü"})
    proxy.tell("-----BEGIN RSA PRIVATE KEY-----", "2026-03-03T12:00:01Z")
    proxy.tell("MIIEpAIBAAKCAQEA" * 4, "2026-03-03T12:00:02Z")
    proxy.tell("-----END RSA PRIVATE KEY-----", "2026-03-03T12:00:03Z")
    for _ in range(2):
        landed = b"".join(b"".join(day.chunks()) for day in source.fetch(WINDOW)).decode()
        assert landed.count("\n") == 4
        assert not any(secret in landed for secret in (token, password, "MIIEpAIB"))
        assert "cloning with [REDACTED:" in landed


def test_secrets_that_were_taken_out_are_counted(
    proxy: LogProxy, source: ProxySource, sqlite_store: Engine, tmp_path: Path
) -> None:
    proxy.tell("with ghp_" + "a1B2" * 9, "2026-03-03T12:00:00Z")
    result = ingest_day(sqlite_store, source, DAY, now=proxy.now, quarantine_dir=tmp_path / "q")
    assert result.redacted == 1


def test_old_landings_are_pruned(proxy: LogProxy, source: ProxySource) -> None:
    proxy.tell("old", "2026-03-03T12:00:00Z")
    rows(source)
    assert prune_landings(source.landing, DAY) == 0
    assert prune_landings(source.landing, DAY + timedelta(days=1)) == 1
    proxy.rows.clear()
    assert rows(source) == []


def test_a_check_counts_the_last_hour(proxy: LogProxy, source: ProxySource) -> None:
    proxy.tell("now", proxy.now.isoformat())
    assert "1 rows" in source.check()
