"""What is on record reaches every target: once, in order, signed; later, if the target cannot be told now."""

import contextlib
import hashlib
import hmac
import json
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from repo_agent_dagster.contracts.patches import PatchEvent, PatchEventName
from repo_agent_dagster.notify import SECRET_ENV, InvalidTarget, subscribe
from repo_agent_dagster.notify.delivery import LEASE
from repo_agent_dagster.notify.retrying import (
    LONGEST_DELAY,
    REFUSALS_BEFORE_PARKING,
    delay_after,
    is_refusal,
    parsed_retry_after,
)
from repo_agent_dagster.store import notifications
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.notifications import TargetState
from tests.notify.conftest import Outbox
from tests.notify.receiver import Receiver, listening


def patches(receiver: Receiver) -> list[str]:
    return [json.loads(one.body)["patch_id"] for one in receiver.taken]


def state(outbox: Outbox) -> TargetState:
    with read_transaction(outbox.engine) as conn:
        (found,) = notifications.overview(conn)
    return found


def test_each_event_is_posted_once_and_in_order(outbox: Outbox, receiver: Receiver) -> None:
    outbox.record(0)
    subscribe(outbox.engine, receiver.url, now=outbox.now)
    outbox.record(1, 2)
    outbox.record(3)

    assert outbox.deliver().delivered == 3
    assert outbox.deliver().delivered == 0

    assert patches(receiver) == ["patch-1", "patch-2", "patch-3"]
    assert state(outbox).waiting == 0


def test_a_message_is_a_patch_event_with_its_record(sqlite_outbox: Outbox, receiver: Receiver) -> None:
    target = subscribe(sqlite_outbox.engine, receiver.url, now=sqlite_outbox.now)
    sqlite_outbox.record(1, event=PatchEventName.PATCH_APPLIED)

    sqlite_outbox.deliver()

    (got,) = receiver.got
    message = PatchEvent.model_validate_json(got.body)
    assert (message.patch_id, message.file, message.op) == ("patch-1", "f1.py", "append")
    assert message.ts == sqlite_outbox.now
    assert message.meta is not None
    assert message.meta["step"] == 1
    record = message.meta["record"]
    assert (record["event"], record["batch_id"], record["order_id"]) == ("patch_applied", "batch", "42")
    assert got.path == "/hook"
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["X-Repo-Agent-Event"] == "patch_applied"
    assert re.fullmatch(f"{target.id}-1-[0-9a-f]{{12}}", got.headers["Idempotency-Key"])
    assert "X-Repo-Agent-Signature" not in got.headers


def test_the_signature_covers_time_key_and_body(sqlite_outbox: Outbox, receiver: Receiver) -> None:
    subscribe(sqlite_outbox.engine, receiver.url, now=sqlite_outbox.now, secret_env=SECRET_ENV)
    sqlite_outbox.record(1)

    sqlite_outbox.deliver(secrets={SECRET_ENV: "s3cret"})

    (got,) = receiver.got
    stamp, key = got.headers["X-Repo-Agent-Timestamp"], got.headers["Idempotency-Key"]
    assert int(stamp) == int(sqlite_outbox.now.timestamp())
    expected = hmac.new(b"s3cret", f"{stamp}.{key}.".encode() + got.body, hashlib.sha256).hexdigest()
    assert got.headers["X-Repo-Agent-Signature"] == f"sha256={expected}"


def test_without_its_secret_nothing_is_sent_unsigned(sqlite_outbox: Outbox, receiver: Receiver) -> None:
    subscribe(sqlite_outbox.engine, receiver.url, now=sqlite_outbox.now, secret_env="HOOK_SECRET")
    sqlite_outbox.record(1)

    done = sqlite_outbox.deliver(secrets={SECRET_ENV: "another"})

    assert receiver.got == []
    assert "HOOK_SECRET is not set here" in done.problems[0]
    sqlite_outbox.passes(minutes=1)
    assert sqlite_outbox.deliver(secrets={"HOOK_SECRET": "s"}).delivered == 1


def test_a_batch_target_gets_the_events_of_its_batch_alone_also_late_ones(outbox: Outbox, receiver: Receiver) -> None:
    subscribe(outbox.engine, receiver.url, now=outbox.now, batch_id="mine")
    outbox.record(1, batch_id="mine")
    outbox.record(2, batch_id="other")
    outbox.deliver()
    outbox.passes(days=30)
    outbox.record(1, batch_id="mine", event=PatchEventName.PATCH_REVERTED)

    outbox.deliver()

    assert [one.headers["X-Repo-Agent-Event"] for one in receiver.got] == ["patch_requested", "patch_reverted"]
    assert patches(receiver) == ["patch-1", "patch-1"]


def test_a_receiver_that_is_down_for_an_hour_loses_nothing_and_gets_each_key_once(outbox: Outbox) -> None:
    with listening() as gone:
        port = gone.port
    subscribe(outbox.engine, f"http://127.0.0.1:{port}/hook", now=outbox.now)
    started = outbox.now
    number = 0
    while outbox.now < started + timedelta(hours=1):
        number += 1
        outbox.record(number)
        assert outbox.deliver().delivered == 0
        outbox.passes(seconds=90)
    assert state(outbox).waiting == number == 40
    assert state(outbox).parked == 0
    assert state(outbox).target.last_error is not None

    with listening(port) as back:
        for _ in range(20):
            outbox.deliver()
            outbox.passes(seconds=90)

    assert patches(back) == [f"patch-{one}" for one in range(1, number + 1)]
    assert len({one.headers["Idempotency-Key"] for one in back.got}) == len(back.got) == number
    assert state(outbox).target.last_error is None


def test_attempts_at_a_dead_receiver_grow_rare(sqlite_outbox: Outbox, receiver: Receiver) -> None:
    subscribe(sqlite_outbox.engine, receiver.url, now=sqlite_outbox.now)
    sqlite_outbox.record(1)
    receiver.says(*[500] * 10_000)
    for _ in range(720):
        sqlite_outbox.deliver()
        sqlite_outbox.passes(seconds=5)
    assert 10 <= len(receiver.got) <= 20
    assert {one.headers["Idempotency-Key"] for one in receiver.got} == {receiver.got[0].headers["Idempotency-Key"]}


@pytest.mark.parametrize("status", [500, 502, 503, 408, 425, 429])
def test_a_failure_that_may_pass_is_sent_again_before_anything_later(
    sqlite_outbox: Outbox, receiver: Receiver, status: int
) -> None:
    subscribe(sqlite_outbox.engine, receiver.url, now=sqlite_outbox.now)
    sqlite_outbox.record(1, 2)
    receiver.says(*[status] * (REFUSALS_BEFORE_PARKING + 2))
    for _ in range(REFUSALS_BEFORE_PARKING + 3):
        sqlite_outbox.deliver()
        sqlite_outbox.passes(hours=1)
    assert patches(receiver) == ["patch-1", "patch-2"]


@pytest.mark.parametrize("retry_after", ["600", "Wed, 04 Mar 2026 09:40:00 GMT", "Wed, 04 Mar 2026 09:40:00 -0000"])
def test_what_the_receiver_asks_for_by_retry_after_is_kept(
    sqlite_outbox: Outbox, receiver: Receiver, retry_after: str
) -> None:
    subscribe(sqlite_outbox.engine, receiver.url, now=sqlite_outbox.now)
    sqlite_outbox.record(1)
    receiver.says((429, {"Retry-After": retry_after}, b"slow down"))

    done = sqlite_outbox.deliver()
    assert "HTTP 429 Too Many Requests: slow down" in done.problems[0]
    sqlite_outbox.passes(seconds=599)
    sqlite_outbox.deliver()
    assert receiver.taken == []
    sqlite_outbox.passes(seconds=1)
    sqlite_outbox.deliver()
    assert len(receiver.taken) == 1


def refuse(*numbers: int) -> Any:
    refused = {f"patch-{number}" for number in numbers}
    return lambda receiver, handler, body: 422 if json.loads(body)["patch_id"] in refused else 204


def test_an_event_that_is_refused_is_parked_and_those_after_it_go_on(outbox: Outbox, receiver: Receiver) -> None:
    subscribe(outbox.engine, receiver.url, now=outbox.now)
    outbox.record(1, 2, 3)
    receiver.answer = refuse(2)
    parked = 0
    for _ in range(REFUSALS_BEFORE_PARKING):
        parked += outbox.deliver().parked
        outbox.passes(minutes=1)
    assert parked == 1
    assert patches(receiver) == ["patch-1", "patch-3"]
    with read_transaction(outbox.engine) as conn:
        (one,) = notifications.parked(conn)
    assert (one.event_id, one.attempts) == (2, 1)
    assert "HTTP 422" in one.error
    assert state(outbox).parked == 1


def test_a_parked_event_is_tried_again_by_itself_and_then_only_on_request(outbox: Outbox, receiver: Receiver) -> None:
    subscribe(outbox.engine, receiver.url, now=outbox.now)
    outbox.record(1)
    receiver.answer = refuse(1)
    for _ in range(200):
        outbox.deliver()
        outbox.passes(minutes=30)
    assert len(receiver.got) == REFUSALS_BEFORE_PARKING + 3
    with read_transaction(outbox.engine) as conn:
        (one,) = notifications.parked(conn)
    assert (one.attempts, one.retry_at) == (4, None)

    receiver.says()
    with write_transaction(outbox.engine) as conn:
        assert notifications.retry(conn, now=outbox.now) == 1
    assert outbox.deliver().delivered == 1
    assert state(outbox).parked == 0
    assert len({got.headers["Idempotency-Key"] for got in receiver.got}) == 1


def test_while_a_receiver_is_down_its_parked_events_stay_parked(sqlite_outbox: Outbox, receiver: Receiver) -> None:
    subscribe(sqlite_outbox.engine, receiver.url, now=sqlite_outbox.now)
    sqlite_outbox.record(1)
    receiver.answer = refuse(1)
    for _ in range(REFUSALS_BEFORE_PARKING):
        sqlite_outbox.deliver()
        sqlite_outbox.passes(minutes=10)
    sqlite_outbox.passes(hours=2)
    receiver.says(503)

    assert not sqlite_outbox.deliver().is_complete
    assert state(sqlite_outbox).parked == 1
    sqlite_outbox.passes(hours=1)
    assert sqlite_outbox.deliver().delivered == 1


def test_redirects_are_not_followed(sqlite_outbox: Outbox, receiver: Receiver) -> None:
    with listening() as elsewhere:
        subscribe(sqlite_outbox.engine, receiver.url, now=sqlite_outbox.now)
        sqlite_outbox.record(1)
        receiver.says((307, {"Location": elsewhere.url}, b""))
        done = sqlite_outbox.deliver()
        assert elsewhere.got == []
    assert f"to {elsewhere.url}, which is not followed" in done.problems[0]


def test_a_slow_receiver_costs_no_more_than_the_time_for_a_message(sqlite_outbox: Outbox, receiver: Receiver) -> None:
    subscribe(sqlite_outbox.engine, receiver.url, now=sqlite_outbox.now)
    sqlite_outbox.record(1)
    ended = threading.Event()

    def trickle(_receiver: Receiver, handler: Any, _body: bytes) -> None:
        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                handler.wfile.write(b"X: y\r\n")
                time.sleep(0.05)
        except OSError:
            ended.set()

    receiver.answer = trickle
    before = time.monotonic()
    done = sqlite_outbox.deliver(post_seconds=0.3)
    assert time.monotonic() - before < 1.5
    assert "no answer within 0.3 s" in done.problems[0]
    assert ended.wait(5), "the connection was not cut"
    receiver.says()
    sqlite_outbox.passes(minutes=1)
    assert sqlite_outbox.deliver().delivered == 1


def test_an_endless_answer_is_not_read_to_its_end(sqlite_outbox: Outbox, receiver: Receiver) -> None:
    subscribe(sqlite_outbox.engine, receiver.url, now=sqlite_outbox.now)
    sqlite_outbox.record(1)

    def flood(_receiver: Receiver, handler: Any, _body: bytes) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        while True:
            handler.wfile.write(b"x" * 65536)

    receiver.answer = flood
    assert sqlite_outbox.deliver(post_seconds=5).delivered == 1


def test_what_does_not_speak_http_is_a_problem_that_may_pass(sqlite_outbox: Outbox, receiver: Receiver) -> None:
    subscribe(sqlite_outbox.engine, receiver.url, now=sqlite_outbox.now)
    sqlite_outbox.record(1)

    def babble(_receiver: Receiver, handler: Any, _body: bytes) -> None:
        handler.wfile.write(b"hello\r\n\r\n")

    receiver.answer = babble
    assert "RemoteProtocolError" in sqlite_outbox.deliver().problems[0]
    assert state(sqlite_outbox).waiting == 1


class Killed(BaseException):
    pass


def test_who_is_killed_between_the_answer_and_the_commit_repeats_the_same_key(
    outbox: Outbox, receiver: Receiver
) -> None:
    subscribe(outbox.engine, receiver.url, now=outbox.now)
    outbox.record(1, 2)
    calls = iter(range(100))

    def clock() -> Any:
        if len(receiver.got) == 1 and next(calls) == 0:
            raise Killed  # after the answer, before the cursor moves
        return outbox.now

    with pytest.raises(Killed):
        outbox.deliver(clock=clock)
    outbox.passes(seconds=LEASE.total_seconds() + 1)
    assert outbox.deliver().delivered == 2

    first, again, second = (one.headers["Idempotency-Key"] for one in receiver.got)
    assert first == again
    assert second != first


def test_what_a_killed_deliverer_held_is_free_after_its_lease(outbox: Outbox, receiver: Receiver) -> None:
    target = subscribe(outbox.engine, receiver.url, now=outbox.now)
    outbox.record(1)
    with write_transaction(outbox.engine) as conn:
        assert notifications.claim(conn, target.id, by="dead", now=outbox.now, until=outbox.now + LEASE)

    assert outbox.deliver().delivered == 0
    outbox.passes(seconds=LEASE.total_seconds())
    assert outbox.deliver().delivered == 1


def test_deliverers_at_the_same_time_send_nothing_twice(outbox: Outbox, receiver: Receiver) -> None:
    for number in range(3):
        subscribe(outbox.engine, f"{receiver.url}/{number}", now=outbox.now)
    outbox.record(*range(20))

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: outbox.deliver(), range(4)))
    total = sum(one.delivered for one in done) + outbox.deliver().delivered

    assert total == len(receiver.got) == 60
    assert len({one.headers["Idempotency-Key"] for one in receiver.got}) == 60
    for number in range(3):
        of_it = [json.loads(one.body)["patch_id"] for one in receiver.got if one.path == f"/hook/{number}"]
        assert of_it == [f"patch-{one}" for one in range(20)]


def test_who_lost_its_hold_stops_and_moves_nothing(outbox: Outbox, receiver: Receiver) -> None:
    target = subscribe(outbox.engine, receiver.url, now=outbox.now)
    outbox.record(1, 2, 3)

    def end_it(_receiver: Receiver, _handler: Any, _body: bytes) -> int:
        with write_transaction(outbox.engine) as conn:
            notifications.end(conn, target.id, now=outbox.now)
        return 204

    receiver.answer = end_it
    assert outbox.deliver().delivered == 0
    assert len(receiver.got) == 1
    assert outbox.deliver().delivered == 0


def test_one_target_that_is_down_does_not_hold_up_another(sqlite_outbox: Outbox, receiver: Receiver) -> None:
    with listening() as gone:
        pass
    subscribe(sqlite_outbox.engine, gone.url, now=sqlite_outbox.now)
    subscribe(sqlite_outbox.engine, receiver.url, now=sqlite_outbox.now)
    sqlite_outbox.record(1)
    done = sqlite_outbox.deliver()
    assert (done.delivered, len(done.problems)) == (1, 1)


def test_time_is_up_before_the_queue_is_empty(sqlite_outbox: Outbox, receiver: Receiver) -> None:
    subscribe(sqlite_outbox.engine, receiver.url, now=sqlite_outbox.now)
    sqlite_outbox.record(*range(1000))
    first = sqlite_outbox.deliver(budget_seconds=0.3)
    assert 0 < first.delivered < 1000
    assert first.problems == []
    second = sqlite_outbox.deliver(budget_seconds=0.3)
    assert second.delivered > 0
    assert patches(receiver)[: first.delivered + 1] == [f"patch-{one}" for one in range(first.delivered + 1)]


def test_only_the_targets_asked_for_are_served(sqlite_outbox: Outbox, receiver: Receiver) -> None:
    one = subscribe(sqlite_outbox.engine, f"{receiver.url}/1", now=sqlite_outbox.now)
    subscribe(sqlite_outbox.engine, f"{receiver.url}/2", now=sqlite_outbox.now)
    sqlite_outbox.record(1)
    sqlite_outbox.deliver(only=[one.id])
    assert [got.path for got in receiver.got] == ["/hook/1"]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/x",
        "file:///etc/passwd",
        "/hook",
        "http://",
        "http://host:99999/",
        "http://ho st/",
        "https://me:secret@host/",
        "javascript:alert(1)",
        "http://exa\x00mple/",
        "http://xn--a\u0080.example/",
        "http://[::1/",
    ],
)
def test_a_url_that_cannot_be_told_is_refused(sqlite_outbox: Outbox, url: str) -> None:
    with pytest.raises(InvalidTarget) as caught:
        subscribe(sqlite_outbox.engine, url, now=sqlite_outbox.now)
    assert "secret@" not in str(caught.value)


def test_a_secret_is_named_never_given(sqlite_outbox: Outbox) -> None:
    with pytest.raises(InvalidTarget, match="give the name, not the secret"):
        subscribe(sqlite_outbox.engine, "http://h/", now=sqlite_outbox.now, secret_env="s3cret value!")


def test_waits_double_up_to_a_cap_with_chance_in_half_of_them() -> None:
    class Top(Random):
        def random(self) -> float:
            return 1.0

    waits = [delay_after(attempt, None, Top()).total_seconds() for attempt in range(1, 100)]
    assert waits[:5] == [1, 2, 4, 8, 16]
    assert max(waits) == waits[-1] == LONGEST_DELAY.total_seconds()
    spread = {delay_after(5, None, Random(seed)) for seed in range(20)}
    assert len(spread) == 20
    assert all(timedelta(seconds=8) <= one <= timedelta(seconds=16) for one in spread)


@pytest.mark.parametrize("value", [None, "soon", "", "-5", "1.5", "²"])
def test_a_retry_after_that_makes_no_sense_is_left_out(value: str | None, sqlite_outbox: Outbox) -> None:
    assert parsed_retry_after(value, sqlite_outbox.now) is None


def test_absurd_waits_are_capped_and_past_ones_are_none(sqlite_outbox: Outbox) -> None:
    assert delay_after(1, parsed_retry_after("9" * 30, sqlite_outbox.now), Random(1)) == timedelta(hours=24)
    assert parsed_retry_after("Wed, 04 Mar 2020 09:40:00 GMT", sqlite_outbox.now) == timedelta(0)


def test_refusals_are_redirects_and_client_errors_but_for_three() -> None:
    refusals = {status for status in range(100, 600) if is_refusal(status)}
    assert refusals == set(range(300, 500)) - {408, 425, 429}


def test_a_port_that_nobody_listens_on_is_told_as_such(sqlite_outbox: Outbox) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        subscribe(sqlite_outbox.engine, f"http://127.0.0.1:{bound.getsockname()[1]}/", now=sqlite_outbox.now)
        sqlite_outbox.record(1)
        assert "ConnectError" in sqlite_outbox.deliver().problems[0]


def test_the_check_that_the_page_gives_to_receivers_tells_ours_from_others(
    sqlite_outbox: Outbox, receiver: Receiver
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text()
    (snippet,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {"hmac": hmac, "hashlib": hashlib}
    exec(snippet, names)
    subscribe(sqlite_outbox.engine, receiver.url, now=sqlite_outbox.now, secret_env=SECRET_ENV)
    sqlite_outbox.record(1)
    sqlite_outbox.deliver(secrets={SECRET_ENV: "s3cret"})
    (got,) = receiver.got
    at = sqlite_outbox.now.timestamp()

    assert names["is_genuine"](got.headers, got.body, "s3cret", at + 60)
    assert not names["is_genuine"](got.headers, got.body, "s3cret", at + 301)
    assert not names["is_genuine"](got.headers, got.body + b" ", "s3cret", at)
    assert not names["is_genuine"](got.headers, got.body, "another", at)
    assert not names["is_genuine"]({**got.headers, "Idempotency-Key": "x"}, got.body, "s3cret", at)
    assert not names["is_genuine"]({**got.headers, "X-Repo-Agent-Timestamp": str(int(at) + 1)}, got.body, "s3cret", at)


def test_a_host_that_no_resolver_takes_does_not_stop_the_others(sqlite_outbox: Outbox, receiver: Receiver) -> None:
    subscribe(sqlite_outbox.engine, f"http://{'a' * 64}.invalid/", now=sqlite_outbox.now)
    subscribe(sqlite_outbox.engine, receiver.url, now=sqlite_outbox.now)
    sqlite_outbox.record(1)
    done = sqlite_outbox.deliver()
    assert (done.delivered, len(done.problems)) == (1, 1)


@pytest.mark.parametrize("seed", range(6))
def test_in_a_storm_of_failures_and_kills_nothing_is_lost_and_the_order_is_kept(
    sqlite_outbox: Outbox, receiver: Receiver, seed: int
) -> None:
    chance = Random(seed)
    outbox = sqlite_outbox
    subscribe(outbox.engine, receiver.url, now=outbox.now)

    def stormy(_receiver: Receiver, _handler: Any, _body: bytes) -> Any:
        return chance.choice([204, 204, 204, 500, 503, 429, (429, {"Retry-After": "40"}, b""), None])

    def killing_clock() -> Any:
        if chance.random() < 0.02:
            raise Killed
        return outbox.now

    receiver.answer = stormy
    recorded = 0
    for _ in range(60):
        for _ in range(chance.randrange(3)):
            recorded += 1
            outbox.record(recorded)
        with contextlib.suppress(Killed):
            outbox.deliver(clock=killing_clock, chance=chance)
        outbox.passes(seconds=chance.choice([1, 70, 900]))
    receiver.says()
    while state(outbox).waiting:
        outbox.deliver()
        outbox.passes(minutes=20)

    # Whoever drops the keys that it has seen has every event once, in order.
    first_seen = dict.fromkeys(one.headers["Idempotency-Key"] for one in receiver.taken)
    by_key = {one.headers["Idempotency-Key"]: json.loads(one.body)["patch_id"] for one in receiver.taken}
    assert [by_key[key] for key in first_seen] == [f"patch-{number}" for number in range(1, recorded + 1)]
