"""An engine that hangs when it should kill: nobody waits for it, the output is kept, the rest is left to the reaper."""

import logging
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from repo_agent_dagster.sandbox.docker_engine import engine
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxUnavailable
from tests.sandbox.hanging_engine import CONTAINER, hanging_engine

PATIENCE_SECONDS = 0.4


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory() as folder, hanging_engine(Path(folder)) as hanging:  # a short path, for a socket
        monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/docker.sock")
        yield hanging.asked


@pytest.fixture
def box(asked: list[str], sink: Any) -> Sandbox:
    return Sandbox(engine().containers.get(CONTAINER), sink, patience_seconds=PATIENCE_SECONDS)


def test_a_time_out_escalates_from_kill_to_removal_to_the_reaper(
    box: Sandbox, sink: Any, asked: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    started = time.monotonic()

    with caplog.at_level(logging.WARNING), pytest.raises(SandboxUnavailable, match="does not answer") as failure:
        box.exec("sleep 1000", timeout_seconds=0.2)

    assert time.monotonic() - started < 6
    assert [line.partition("?")[0] for line in asked] == ["POST ", "POST kill", "DELETE "]
    assert "left to the reaper" in caplog.text
    assert failure.value.__notes__ == ["its sandbox is left to the reaper"]
    assert [line.text for line in sink.lines] == ["before the end"]
    assert sink.endings == [(None, True)]


def test_an_interruption_goes_on_although_the_kill_hangs(box: Sandbox, sink: Any) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    started = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt) as interruption:
            box.exec("sleep 1000")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert time.monotonic() - started < 6
    assert interruption.value.__notes__[-1] == "its sandbox is left to the reaper"
    assert [line.text for line in sink.lines] == ["before the end"]


def test_a_removal_that_hangs_does_not_hide_how_the_task_ended(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        box.destroy()

    assert "left to the reaper, and to its own end at" in caplog.text
