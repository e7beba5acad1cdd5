"""Commands that must end: by a time-out, by an interruption of the caller, by a failing sink; nothing survives."""

import signal
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec

pytestmark = pytest.mark.docker

HIDING = {
    "setsid": "setsid sleep 1000 & sleep 1000",
    "nohup": "nohup setsid bash -c 'trap \"\" TERM INT HUP; sleep 1000' > /dev/null 2>&1 & sleep 1000",
    "double-fork": "(setsid bash -c '(sleep 1000 &) ; sleep 1000' &) ; sleep 1000",
    "ignored-signals": "trap '' TERM INT HUP QUIT; while true; do sleep 1; done",
    "stopped": "sleep 1000 & kill -STOP $!; kill -STOP $$",
    "holds-the-stream": "python3 -c 'import os, time; os.fork() or os.setsid(); time.sleep(1000)'",
    "closed-output": "exec > /dev/null 2>&1; sleep 1000",
}


class Cancelled(BaseException):
    """What Dagster does to a run that is cancelled: an exception that `except Exception` does not see."""


@pytest.fixture(scope="module")
def room(sandbox_image: str) -> Iterator[Sandbox]:
    with Sandbox.open(SandboxSpec("test-killing", network="none", pids=60, deadline_seconds=120)) as box:
        yield box


def alive(box: Sandbox) -> list[str]:
    process_1, *others, asking = box.exec(["ps", "-eo", "comm="]).stdout.split()
    assert (process_1, asking) == ("python3", "ps")
    return others


@pytest.mark.parametrize("command", HIDING.values(), ids=HIDING)
def test_a_time_out_kills_every_process_however_it_hides(room: Sandbox, command: str) -> None:
    result = room.exec(command, timeout_seconds=0.5)

    assert result.timed_out
    assert alive(room) == []


def test_a_fork_bomb_dies_of_the_time_out(room: Sandbox) -> None:
    bomb = room.exec("f() { f | f & }; f; sleep 60", timeout_seconds=1)

    assert bomb.timed_out
    assert bomb.met_limit == "the sandbox had no room for another process (REPO_AGENT_SANDBOX_PIDS)"
    assert alive(room) == []


def test_processes_of_another_user_die_too(room: Sandbox) -> None:
    result = room.exec("id -u; setsid sleep 1000 & trap '' TERM; sleep 1000", user="1234", timeout_seconds=0.5)

    assert (result.timed_out, result.stdout) == (True, "1234\n")
    assert alive(room) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, Cancelled])
def test_an_interrupted_caller_leaves_nothing_running(room: Sandbox, interruption: type[BaseException]) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise interruption("on purpose")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.7)
    try:
        with pytest.raises(interruption, match="on purpose"):
            room.exec("(trap '' TERM; setsid sleep 1000 &); sleep 1000")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert alive(room) == []


def test_what_was_written_before_an_interruption_is_kept(sandbox_image: str, sink: Any) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with Sandbox.open(SandboxSpec("test-killing", network="none"), sink=sink) as box:
        before = signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.7)
        try:
            with pytest.raises(KeyboardInterrupt):
                box.exec("echo one; printf 'two without its end'; sleep 1000")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    assert [line.text for line in sink.lines] == ["one", "two without its end"]
    assert sink.endings == [(None, False)]


def test_a_sink_that_fails_ends_the_command_and_is_told(sandbox_image: str, sink: Any) -> None:
    def broken(command_id: str, lines: list[Any]) -> None:
        raise OSError("the store is gone")

    with Sandbox.open(SandboxSpec("test-killing", network="none"), sink=sink) as box:
        sink.write = broken
        with pytest.raises(OSError, match="the store is gone"):
            box.exec("echo x; sleep 1000")
        del sink.write

        assert alive(box) == []


def test_a_kill_that_comes_before_the_first_process_is_ready_is_tried_again(sandbox_image: str) -> None:
    with Sandbox.open(SandboxSpec("test-killing", network="none")) as box:
        started = time.monotonic()
        result = box.exec("sleep 1000", timeout_seconds=0.001)

    assert result.timed_out
    assert time.monotonic() - started < 10
