"""The outbox's sensor delivers what is due, also after a tick that failed, and says what it did."""

from datetime import datetime, timedelta

import pytest

from repo_agent_dagster.contracts.custody import EventRow
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.notify import SECRET_ENV, SIGNATURE_HEADER, subscribe
from repo_agent_dagster.resources import build_resources
from repo_agent_dagster.settings import Settings
from repo_agent_dagster.store.patch_events import StoreCustody
from sensors.notifications import notifications_sensor
from tests.notify.receiver import Receiver, listening
from tests.wiring.deployment import Deployment


@pytest.fixture
def receiver():
    with listening() as one:
        yield one


def record(deployment: Deployment, now: datetime) -> None:
    event = EventRow(
        patch_id="patch",
        batch_id="batch",
        requester="factory",
        workspace="w",
        file_path="f",
        op="append",
        event=PatchEventName.PATCH_REQUESTED,
        created_at=now,
    )
    StoreCustody(deployment.engine).record([event])


def test_without_targets_there_is_nothing_to_deliver(deployment: Deployment, now: datetime) -> None:
    record(deployment, now)
    assert deployment.tick(notifications_sensor).skip_message == "nothing to deliver"


def test_a_batch_target_is_told_by_the_next_tick(deployment: Deployment, receiver: Receiver, now: datetime) -> None:
    subscribe(deployment.engine, receiver.url, now=now, batch_id="batch")
    record(deployment, now)
    assert deployment.tick(notifications_sensor).skip_message == "1 event(s) delivered"
    assert deployment.tick(notifications_sensor).skip_message == "nothing to deliver"
    assert len(receiver.got) == 1


def test_the_settings_url_is_told_of_all_events_signed(
    deployment: Deployment, receiver: Receiver, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET_ENV, "s3cret")
    settings = Settings(home=deployment.settings.home, notify_url=receiver.url)
    deployment.resources["notifications"] = build_resources(settings)["notifications"]
    deployment.tick(notifications_sensor)
    record(deployment, now)
    deployment.tick(notifications_sensor)
    (got,) = receiver.got
    assert got.headers[SIGNATURE_HEADER].startswith("sha256=")


def test_a_receiver_that_is_down_is_told_later(deployment: Deployment, receiver: Receiver, now: datetime) -> None:
    subscribe(deployment.engine, receiver.url, now=now)
    record(deployment, now)
    receiver.says(503)
    assert "503" in str(deployment.tick(notifications_sensor).skip_message)
    deployment.set_clock(now + timedelta(minutes=1))
    assert deployment.tick(notifications_sensor).skip_message == "1 event(s) delivered"


def test_the_secret_is_in_no_resource_that_dagster_shows(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (SECRET_ENV, "REPO_AGENT_GITHUB_TOKEN", "REPO_AGENT_AI_API_KEY"):
        monkeypatch.setenv(name, "s3cret")
    monkeypatch.setenv("REPO_AGENT_AI_MODEL", "some-model")
    resources = build_resources(Settings(home=tmp_path))
    assert resources["notifications"].secret_env == SECRET_ENV
    shown = [one.model_dump() if hasattr(one, "model_dump") else repr(one) for one in resources.values()]
    assert "s3cret" not in str(shown)
