"""An ingestion that is killed (SIGKILL) between any two of its statements leaves the old lines or the new, whole."""

import os
import signal

from sqlalchemy import Engine, event

from repo_agent_dagster.store.engine import open_store
from tests.ops.conftest import LogFolder, line

MOST_STATEMENTS = 60


def killed_after(logs: LogFolder, statements: int) -> bool:
    """Ingest in a process that is killed after so many statements; return whether it came that far."""
    url = logs.engine.url.render_as_string(hide_password=False)
    child = os.fork()
    if child == 0:
        try:
            engine = open_store(url)
            _kill_after(engine, statements)
            LogFolder(engine, logs.folder).ingest()
        finally:
            os._exit(0)  # nothing of the test runner's may run twice
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def _kill_after(engine: Engine, statements: int) -> None:
    seen = 0

    @event.listens_for(engine, "after_cursor_execute")
    def _count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == statements:
            os.kill(os.getpid(), signal.SIGKILL)


def test_killed_anywhere_it_is_as_if_it_had_not_begun_or_had_ended(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("old"), line("kept"), "broken"])
    logs.write("copy.jsonl", [line("old"), line("kept"), "broken"])
    logs.ingest()
    old = logs.messages()
    new = [*old, "kept", "new"]
    new.sort()
    states: list[list[str]] = []

    for statements in range(1, MOST_STATEMENTS):
        logs.write("a.jsonl", [line("kept"), line("new"), "broken too"])
        was_killed = killed_after(logs, statements)
        states.append(logs.messages())
        if not was_killed:
            break

    assert len(states) > 8
    assert all(state in (old, new) for state in states)
    result = logs.ingest()
    assert (logs.messages(), result.status, result.quarantined) == (new, "complete", 2)
    assert all(path.exists() for path in result.quarantine_paths)
