"""Host git: bounded in time and output, ended with all it started, and told in words that say what to do."""

import _thread
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from repo_agent_dagster.sandbox.repositories.faults import RepositoryError, RepositoryUnavailable
from repo_agent_dagster.sandbox.repositories.git import failure, git, run_git
from tests.sandbox.repositories.making import commit


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/repo"


def _processes_of(url: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(url in word for word in process.info["cmdline"] or []):
            found.append(process)
    return found


def test_a_call_over_its_time_is_ended_with_what_it_started(silent: str) -> None:
    with pytest.raises(RepositoryUnavailable, match=r"git ls-remote took over 0.5 s"):
        run_git(["ls-remote", silent], protocols="http", timeout_seconds=0.5)

    assert _processes_of(silent) == []


def test_an_interrupted_call_leaves_no_process(silent: str) -> None:
    threading.Timer(0.5, _thread.interrupt_main).start()

    with pytest.raises(KeyboardInterrupt):
        run_git(["ls-remote", silent], protocols="http", timeout_seconds=60)

    assert _processes_of(silent) == []


def test_a_protocol_that_a_call_may_not_use_is_refused_by_git_too(origin: Path) -> None:
    done = run_git(["ls-remote", origin.as_uri()], protocols="https:ssh")

    assert done.exit_code != 0
    assert "transport 'file' not allowed" in done.stderr


def test_output_is_bounded(origin: Path) -> None:
    commit(origin, "large.txt", "x" * 200_000)

    with pytest.raises(RepositoryError, match="more than is taken"):
        run_git(["cat-file", "blob", "HEAD:large.txt"], origin, max_bytes=100_000)


def test_what_a_background_process_holds_open_is_not_waited_for(tmp_path: Path) -> None:
    started = time.monotonic()

    git(["-c", "alias.x=!sleep 5 & echo done", "x"], tmp_path)

    assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    ("said", "kind", "hint"),
    [
        ("fatal: could not read Username for 'https://h'", RepositoryError, "credential helper"),
        ("git@h: Permission denied (publickey).", RepositoryError, "ssh on this host"),
        ("Host key verification failed.", RepositoryError, "the server's key"),
        ("fatal: unable to access: Could not resolve host: h", RepositoryUnavailable, "try again"),
        ("error: RPC failed; HTTP 502", RepositoryUnavailable, "try again"),
        ("fatal: early EOF\nfatal: fetch-pack: invalid index-pack output", RepositoryUnavailable, "try again"),
        ("fatal: No space left on device\nfatal: invalid index-pack output", RepositoryUnavailable, "the disk"),
        ("fatal: fsck error in packed object\nfatal: invalid index-pack output", RepositoryError, "own check refuses"),
        ("fatal: repository 'https://h/x' not found", RepositoryError, "Check the URL"),
    ],
)
def test_a_failure_says_whether_to_try_again_and_what_to_do(said: str, kind: type[Exception], hint: str) -> None:
    error = failure("fetch", "https://robot:secret@host.example/x", said)

    assert type(error) is kind
    assert hint in str(error)
    assert "secret" not in str(error)
