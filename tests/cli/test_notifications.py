"""`repo-agent notifications`: subscribing, delivering, looking at what waits, and giving a second chance."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from repo_agent_dagster.cli.main import app
from repo_agent_dagster.contracts.custody import EventRow
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.notify.retrying import REFUSALS_BEFORE_PARKING
from repo_agent_dagster.settings import Settings
from repo_agent_dagster.store import notifications
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.patch_events import StoreCustody
from repo_agent_dagster.store.revision import open_upgraded
from tests.notify.receiver import Receiver, listening


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPO_AGENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "240")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as one:
        yield one


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["notifications", *arguments])


def told(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    return json.loads(result.stdout)


def record(batch_id: str = "batch") -> None:
    event = EventRow(
        patch_id="patch",
        batch_id=batch_id,
        requester="factory",
        workspace="w",
        file_path="f",
        op="append",
        event=PatchEventName.PATCH_REQUESTED,
        created_at=datetime.now(UTC),
    )
    StoreCustody(open_upgraded(Settings().store_url)).record([event])


def park_all() -> None:
    """Let a target that refuses do so until its event is parked, without waiting in between."""
    engine = open_upgraded(Settings().store_url)
    for _ in range(REFUSALS_BEFORE_PARKING):
        run("deliver")
        with write_transaction(engine) as conn:
            notifications.retry(conn, now=datetime.now(UTC) + timedelta(days=1))


def test_a_subscription_is_listed_and_delivered(receiver: Receiver) -> None:
    assert "makes one" in run("list").stdout
    done = run("subscribe", receiver.url)
    assert (done.exit_code, "unsigned" in done.stdout) == (0, True)
    record()
    (state,) = told("list")
    assert (state["url"], state["batch_id"], state["waiting"], state["secret_env"]) == (receiver.url, None, 1, None)

    delivered = run("deliver")

    assert (delivered.exit_code, delivered.stdout) == (0, "1 event(s) delivered, 0 parked\n")
    assert len(receiver.got) == 1
    assert told("list")[0]["waiting"] == 0
    assert "active" in run("list").stdout


def test_the_settings_name_a_target_and_its_secret(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPO_AGENT_NOTIFY_URL", receiver.url)
    monkeypatch.setenv("REPO_AGENT_NOTIFY_SECRET", "s3cret")
    assert told("deliver")["delivered"] == 0
    record()
    assert told("deliver")["delivered"] == 1
    assert "X-Repo-Agent-Signature" in receiver.got[0].headers
    assert told("list")[0]["secret_env"] == "REPO_AGENT_NOTIFY_SECRET"


def test_a_secret_is_taken_from_the_variable_that_was_named(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("subscribe", receiver.url, "--batch", "mine", "--secret-env", "HOOK_SECRET")
    assert "signed with $HOOK_SECRET" in done.stdout
    record("mine")
    failed = run("deliver")
    assert (failed.exit_code, receiver.got) == (75, [])
    assert "HOOK_SECRET is not set here" in failed.stdout
    assert "failed 1 time(s)" in run("list").stdout

    monkeypatch.setenv("HOOK_SECRET", "s")
    assert run("retry").exit_code == 0
    assert run("deliver").exit_code == 0
    assert len(receiver.taken) == 1


def test_what_is_refused_is_parked_shown_and_sent_again_on_request(receiver: Receiver) -> None:
    assert run("parked").stdout == "nothing is parked\n"
    target = told("subscribe", receiver.url)["id"]
    record()
    receiver.says(*[422] * REFUSALS_BEFORE_PARKING)
    park_all()
    (one,) = told("parked")
    assert (one["target_id"], one["event_id"]) == (target, 1)
    assert "HTTP 422" in run("parked").stdout

    assert "1 parked event(s)" in run("retry", target[-12:]).stdout
    assert run("deliver").exit_code == 0
    assert told("parked") == []
    assert len(receiver.taken) == 1


def test_an_ended_target_is_told_no_more(receiver: Receiver) -> None:
    target = told("subscribe", receiver.url)["id"]
    record()
    assert run("end", target).exit_code == 0
    assert told("deliver")["delivered"] == 0
    assert receiver.got == []
    assert told("list") == []
    assert len(told("list", "--all")) == 1
    assert "ended" in run("list", "--all").stdout
    again = run("end", target)
    assert (again.exit_code, "ended before" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["end", "none"], "no notification target none"),
        (["retry", "none"], "no notification target none"),
        (["subscribe", "ftp://host/"], "write http:// or https://"),
        (["subscribe", "http://h/", "--secret-env", "not a name"], "give the name, not the secret"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
