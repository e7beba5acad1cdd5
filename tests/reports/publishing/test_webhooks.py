"""Webhooks: one signed message for a version, bounded and redacted, sent until it is taken or refused for good."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.reports import DeliveryRequest, ErrorCount
from repo_agent_dagster.notify import KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from repo_agent_dagster.reports.publishing.targets import parsed_target
from repo_agent_dagster.reports.publishing.webhooks import SECRET_ENV
from tests.notify.receiver import Got, Receiver
from tests.reports.publishing.conftest import START, Publishing, means, store_digest, store_report
from tests.reports.sample_report import counted

SECRET = "made-up-" + "secret-of-a-hook"


@pytest.fixture
def hooks(sqlite_store: Engine, tmp_path: Path) -> Publishing:
    """A publisher without GitHub, with a secret."""
    return Publishing(sqlite_store, means(tmp_path / "reports", None, secrets={SECRET_ENV: SECRET}))


def key(got: Got) -> str:
    return got.headers[KEY_HEADER]


def test_a_version_is_told_once_with_a_summary(hooks: Publishing, receiver: Receiver) -> None:
    store_report(hooks.engine)
    hooks.follow(receiver.url)

    hooks()
    hooks()

    [got] = receiver.got
    told = json.loads(got.body)
    assert got.headers["X-Repo-Agent-Event"] == told["event"] == "delivery_report"
    assert (told["id"], told["version"], told["custodyIntact"]) == ("42", 1, True)
    assert told["totals"]["checked"] == told["totals"]["ok"] + told["totals"]["failed"]
    assert told["title"] == "[Delivery] 42: 6 patches, 1 failed"
    assert SIGNATURE_HEADER not in got.headers


def test_a_message_is_signed_as_notifications_are(hooks: Publishing, receiver: Receiver) -> None:
    store_report(hooks.engine)
    hooks.follow(receiver.url, secret_env=SECRET_ENV)

    hooks()

    [got] = receiver.got
    signed = sign(SECRET, int(got.headers[TIMESTAMP_HEADER]), key(got), got.body)
    assert got.headers[SIGNATURE_HEADER] == signed


def test_without_its_secret_nothing_leaves(hooks: Publishing, receiver: Receiver) -> None:
    store_report(hooks.engine)
    hooks.follow(receiver.url, secret_env="ANOTHER_SECRET")

    done = hooks()

    assert (receiver.got, done.waiting) == ([], 1)
    assert "ANOTHER_SECRET is not set here" in done.problems[0]


def test_a_target_of_the_settings_is_signed_as_soon_as_there_is_a_secret(hooks: Publishing, receiver: Receiver) -> None:
    with_secret = replace(hooks.means, targets=(parsed_target(receiver.url),))
    hooks.means = replace(with_secret, secrets={})
    hooks()
    hooks.means = with_secret

    store_report(hooks.engine, now=START + timedelta(hours=1))
    hooks()

    [got] = receiver.got
    assert SIGNATURE_HEADER in got.headers


def test_what_is_sent_again_has_the_same_key_and_the_next_version_another(
    hooks: Publishing, receiver: Receiver
) -> None:
    store_report(hooks.engine)
    hooks.follow(receiver.url)
    receiver.says(503, (429, {"Retry-After": "3600"}, b""), 204)

    first = hooks()
    second = hooks()
    too_soon = hooks()
    third = hooks(now=hooks.now + timedelta(hours=1))
    store_report(hooks.engine, version=2)
    hooks()

    assert [len(one.done) for one in (first, second, too_soon, third)] == [0, 0, 0, 1]
    assert len(receiver.got) == 4
    assert key(receiver.got[0]) == key(receiver.got[1]) == key(receiver.got[2]) != key(receiver.got[3])


def test_what_is_refused_again_and_again_is_given_up_until_the_next_version(
    hooks: Publishing, receiver: Receiver
) -> None:
    store_report(hooks.engine)
    hooks.follow(receiver.url)
    receiver.says(*[400] * 8)

    refused = [hooks(now=hooks.now + timedelta(hours=7)).refused for _ in range(10)]
    store_report(hooks.engine, version=2)
    done = hooks()

    assert refused == [0] * 7 + [1, 0, 0]
    assert [one.version for one in done.done] == [2]


def test_a_redirect_is_not_followed(hooks: Publishing, receiver: Receiver) -> None:
    store_report(hooks.engine)
    hooks.follow(receiver.url)
    receiver.says((302, {"Location": f"{receiver.url}/elsewhere"}, b""))

    done = hooks()

    assert (len(receiver.got), done.waiting) == (1, 1)
    assert "is not followed" in done.problems[0]


def test_it_is_told_where_the_report_stands_by_then(hooks: Publishing, receiver: Receiver, tmp_path: Path) -> None:
    store_report(hooks.engine, html_path="/srv/reports/42.html")
    hooks.follow(receiver.url)
    hooks.has_page()
    hooks.follow(f"file:{tmp_path}/out")

    hooks()

    told = json.loads(receiver.got[0].body)
    assert [place["kind"] for place in told["places"]] == ["page", "file"]


def test_a_message_is_bounded_and_redacted_whatever_the_report_holds(hooks: Publishing, receiver: Receiver) -> None:
    token = "ghp_" + "a1B2" * 9
    names = [f"{number}{token}{'x' * 9_000}" for number in range(300)]
    told = {
        "request": DeliveryRequest(requesters=names, reasons=names, branches=names, prompts=names),
        "errors": [ErrorCount(error=name, patches=1) for name in names],
    }
    store_report(hooks.engine, told=told)
    hooks.follow(receiver.url)

    hooks()

    [got] = receiver.got
    assert len(got.body) < 32_000
    assert token not in got.body.decode()


def test_a_weeks_digest_is_told_to_targets_of_all(hooks: Publishing, receiver: Receiver) -> None:
    totals = counted(3, 1).model_dump(mode="json", by_alias=True)
    hooks.follow(receiver.url, order=None)
    store_digest(hooks.engine, "2026-W10", {"totals": totals, "fromAt": "2026-03-02T00:00:00Z", "errors": []})

    hooks()

    told = json.loads(receiver.got[0].body)
    assert (told["event"], told["id"], told["title"]) == (
        "weekly_digest",
        "2026-W10",
        "[Week] 2026-W10: 4 patches, 1 failed",
    )


def test_an_order_that_is_called_like_a_week_is_another_document(hooks: Publishing, receiver: Receiver) -> None:
    totals = counted(1).model_dump(mode="json", by_alias=True)
    hooks.follow(receiver.url, order=None)
    store_report(hooks.engine, "week 2026-W10")
    store_digest(hooks.engine, "2026-W10", {"totals": totals})

    hooks()

    assert {json.loads(got.body)["event"] for got in receiver.got} == {"delivery_report", "weekly_digest"}
    assert len({key(got) for got in receiver.got}) == 2
