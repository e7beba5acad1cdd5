"""`patchctl --notify` and `--offline` as a process: who is told, what waits, and what is shipped later."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.patches import PatchEvent
from repo_agent_dagster.notify import sign
from repo_agent_dagster.patching import Workspace
from repo_agent_dagster.store import notifications
from repo_agent_dagster.store.engine import open_store, read_transaction
from repo_agent_dagster.store.notifications import TargetState
from repo_agent_dagster.store.patch_events import listing, verify_chain
from tests.cli.conftest import Run
from tests.notify.receiver import Receiver, listening

APPEND = ("append", "--file", "f.py", "--block", "# more")
AWAY = "postgresql://x@127.0.0.1:1/x"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "f.py").write_text("x = 1\n")
    return folder


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    engine = open_store(store_url)
    yield engine
    engine.dispose()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as one:
        yield one


def told(receiver: Receiver) -> list[str]:
    return [one.headers["X-Repo-Agent-Event"].removeprefix("patch_") for one in receiver.taken]


def targets(engine: Engine) -> list[TargetState]:
    with read_transaction(engine) as conn:
        return notifications.overview(conn)


def test_each_event_of_the_batch_is_posted_and_signed(patchctl: Run, receiver: Receiver) -> None:
    done = patchctl(*APPEND, "--notify", receiver.url, "--json", REPO_AGENT_NOTIFY_SECRET="s3cret")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert told(receiver) == ["requested", "applied"]
    for got in receiver.got:
        message = PatchEvent.model_validate_json(got.body)
        assert message.meta is not None
        assert message.meta["record"]["batch_id"] == result["batchId"]
        stamp = int(got.headers["X-Repo-Agent-Timestamp"])
        expected = sign("s3cret", stamp, got.headers["Idempotency-Key"], got.body)
        assert got.headers["X-Repo-Agent-Signature"] == expected
    assert patchctl(*APPEND).returncode == 0
    assert len(receiver.got) == 2


def test_a_batch_that_failed_is_told_as_failed_never_as_applied(patchctl: Run, receiver: Receiver) -> None:
    done = patchctl("append", "--file", "missing", "--block", "x", "--notify", receiver.url)
    assert done.returncode == 3
    assert told(receiver) == ["requested", "failed"]


def test_the_receiver_of_the_settings_is_told_of_every_batch(patchctl: Run, receiver: Receiver) -> None:
    patchctl(*APPEND, REPO_AGENT_NOTIFY_URL=receiver.url)
    patchctl("apply", "--batches", "-", stdin=lines(2), REPO_AGENT_NOTIFY_URL=receiver.url)
    assert sorted(told(receiver)) == ["applied"] * 3 + ["requested"] * 3


def lines(count: int) -> str:
    operation = {"op": "append", "file": "f.py", "block": "# line"}
    return "\n".join([json.dumps({"patches": [operation]})] * count)


def test_a_receiver_that_is_down_costs_a_line_on_stderr_and_nothing_else(
    patchctl: Run, root: Path, engine: Engine
) -> None:
    with listening() as gone:
        pass
    done = patchctl(*APPEND, "--notify", gone.url, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["patches"]
    assert done.stderr.count("\n") == 1
    assert "could not be told" in done.stderr
    assert "`repo-agent notifications deliver`, goes on with it" in done.stderr
    (state,) = targets(engine)
    assert state.waiting == 2


def test_a_slow_receiver_holds_the_command_up_for_two_seconds_at_most(patchctl: Run, receiver: Receiver) -> None:
    def slow(_receiver: Receiver, _handler: Any, _body: bytes) -> int:
        time.sleep(6)
        return 204

    receiver.answer = slow
    quick = time.monotonic()
    patchctl(*APPEND)
    quick = time.monotonic() - quick
    before = time.monotonic()
    done = patchctl(*APPEND, "--notify", receiver.url)
    assert time.monotonic() - before < quick + 4
    assert (done.returncode, "goes on with it" in done.stderr) == (0, True)


def test_a_batch_that_never_began_leaves_no_target(patchctl: Run, root: Path, engine: Engine) -> None:
    import fcntl

    patchctl(*APPEND)
    with (root / ".mission_control" / "lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = patchctl(*APPEND, "--lock-timeout", "0.1", "--notify", "http://127.0.0.1:1/")
    assert done.returncode == 5
    assert targets(engine) == []


@pytest.mark.parametrize("command", [APPEND, (*APPEND, "--offline")])
def test_a_url_that_cannot_be_told_is_an_invalid_request(patchctl: Run, root: Path, command: tuple[str, ...]) -> None:
    done = patchctl(*command, "--notify", "ftp://host/")
    assert (done.returncode, "write http:// or https://" in done.stderr) == (2, True)
    assert (root / "f.py").read_text() == "x = 1\n"


def test_a_dry_run_tells_nobody(patchctl: Run, receiver: Receiver, engine: Engine) -> None:
    assert patchctl(*APPEND, "--dry-run", "--notify", receiver.url).returncode == 0
    assert receiver.got == []
    assert targets(engine) == []


def test_a_revert_is_told_to_who_asked_for_it(patchctl: Run, receiver: Receiver) -> None:
    batch_id = json.loads(patchctl(*APPEND, "--json").stdout)["batchId"]
    assert patchctl("revert", "--batch", batch_id, "--notify", receiver.url).returncode == 0
    assert told(receiver) == ["requested", "applied"]


def test_one_url_for_many_batches_is_a_setting(patchctl: Run) -> None:
    done = patchctl("apply", "--batches", "-", "--notify", "http://h/", stdin=lines(1))
    assert (done.returncode, "set REPO_AGENT_NOTIFY_URL" in done.stderr) == (2, True)


def test_nothing_of_it_is_loaded_where_nobody_is_to_be_told(root: Path, store_url: str) -> None:
    script = (
        "import sys\n"
        "from repo_agent_dagster.cli.patchctl import app\n"
        f"given = ['-w', {str(root)!r}, '--file', 'f.py', '--block', '#', '--database-url', {store_url!r}]\n"
        "heavy = ('httpx2', 'sqlalchemy', 'repo_agent_dagster.notify')\n"
        "try:\n    app(['append', *given])\n"
        "finally:\n    print('loaded', [name for name in heavy if name in sys.modules])\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REPO_AGENT_")}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_a_store_that_is_away_refuses_the_batch_unless_it_is_offline(patchctl: Run, root: Path) -> None:
    refused = patchctl(*APPEND, "--database-url", AWAY)
    assert refused.returncode == 6
    assert (root / "f.py").read_text() == "x = 1\n"

    done = patchctl(*APPEND, "--database-url", AWAY, "--offline")

    assert done.returncode == 0, done.stderr
    assert "check is not known offline" in done.stderr
    assert (root / "f.py").read_text() == "x = 1\n# more\n"


def test_what_was_done_offline_is_shipped_by_the_next_online_command(patchctl: Run, root: Path, engine: Engine) -> None:
    batch_id = json.loads(patchctl(*APPEND, "--offline", "--json").stdout)["batchId"]
    assert patchctl("revert", "--batch", batch_id, "--offline").returncode == 0
    assert (root / "f.py").read_text() == "x = 1\n"
    with read_transaction(engine) as conn:
        assert listing(conn) == []

    assert patchctl(*APPEND).returncode == 0

    with read_transaction(engine) as conn:
        events = listing(conn)
        chain = verify_chain(conn, Workspace(root).name)
    assert [event.batch_id for event in events[:2]] == [batch_id] * 2
    assert (chain.ok, chain.checked) == (True, len(events))


def test_the_spool_is_shipped_on_request(patchctl: Run, engine: Engine) -> None:
    patchctl(*APPEND, "--offline")
    assert "not shipped yet: `patchctl ship`" in patchctl("log").stderr
    assert "not shipped yet: `patchctl ship`" in patchctl("verify").stderr
    assert patchctl("ship").stdout == "shipped 2 event(s)\n"
    assert patchctl("log").stderr == patchctl("verify").stderr == ""
    assert patchctl("ship").stdout == "nothing to ship\n"
    assert json.loads(patchctl("ship", "--json").stdout) == {"shippedEvents": 0}
    with read_transaction(engine) as conn:
        assert len(listing(conn)) == 2


def test_who_was_to_be_told_offline_is_told_when_it_is_shipped(
    patchctl: Run, receiver: Receiver, engine: Engine
) -> None:
    done = patchctl(*APPEND, "--offline", "--notify", receiver.url)
    assert (done.returncode, receiver.got) == (0, [])
    patchctl("ship")
    (state,) = targets(engine)
    assert (state.target.url, state.waiting) == (receiver.url, 2)


def test_many_batches_may_be_applied_offline(patchctl: Run, root: Path) -> None:
    assert patchctl("apply", "--batches", "-", "--offline", stdin=lines(3)).returncode == 0
    assert patchctl("ship").stdout == "shipped 6 event(s)\n"


def test_an_offline_workspace_is_recovered_without_the_store(patchctl: Run) -> None:
    assert patchctl("recover", "--offline", "--database-url", AWAY).stdout == "nothing to recover\n"


def test_shipping_from_nowhere_is_an_invalid_request(patchctl: Run) -> None:
    done = patchctl("ship", "--workspace", "none")
    assert (done.returncode, "give an existing folder" in done.stderr) == (2, True)
