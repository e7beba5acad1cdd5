"""After a whole test session: is there anything that was not there before it? Asked for by ``--leak-check``.

What is looked for: containers, networks and volumes of ours, images that lost their name, processes that this session
started, folders of ours where temporary files go. The session fails if any is left. Whoever uses the same engine or
the same folder meanwhile is seen too, so ask for it only where nobody does: `make test` and CI.
"""

import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import psutil
import pytest

SESSION_MARK = "REPO_AGENT_TEST_SESSION"
"""Environment name that every process of a session inherits."""
_PREFIXES = ("repo-agent-", "second-engine-", "refusing-")
_KEPT = "repo-agent-image-"  # the lock of the image's builder, a file
_STATE = pytest.StashKey[set[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("leak check")
    group.addoption("--leak-check", action="store_true", help="fail if the session leaves anything of ours behind")
    group.addoption("--leak-patience", type=float, default=15.0, metavar="SECONDS", help="for what is just going away")


def _is_controller(config: pytest.Config) -> bool:
    return not hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.getoption("--leak-check") and _is_controller(session.config):
        os.environ[SESSION_MARK] = uuid.uuid4().hex
        session.config.stash[_STATE] = set(_survey())


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    yield  # the workers of a distributed session have ended after that
    before = session.config.stash.get(_STATE, None)
    if before is None:
        return
    left = _left_after(before, session.config.getoption("--leak-patience"))
    if left:
        told = "\n".join(f"  {name}" for name in left)
        print(f"\n\nleft behind by this session:\n{told}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _left_after(before: set[str], patience_seconds: float) -> list[str]:
    limit = time.monotonic() + patience_seconds
    while left := sorted(set(_survey()) - before):
        if time.monotonic() > limit:
            return left
        time.sleep(0.5)
    return []


def _survey() -> Iterator[str]:
    yield from _of_engine()
    yield from _processes()
    for path in Path(tempfile.gettempdir()).iterdir():
        if path.name.startswith(_PREFIXES) and not path.name.startswith(_KEPT):
            yield f"temporary {'folder' if path.is_dir() else 'file'} {path}"


def _of_engine() -> Iterator[str]:
    try:
        client = docker.from_env(timeout=60)
    except docker.errors.DockerException:
        return  # no engine, so nothing in it
    try:
        for container in client.containers.list(all=True, ignore_removed=True):
            if _is_ours(container.name, container.labels):
                yield f"container {container.name} ({container.status}) {container.labels.get('repo-agent.owner', '')}"
        for network in client.networks.list():
            if _is_ours(network.name, network.attrs["Labels"] or {}):
                yield f"network {network.name}"
        yield from (f"volume {volume.name}" for volume in client.volumes.list())
        yield from (f"image without a name {image.id}" for image in client.images.list(filters={"dangling": True}))
    finally:
        client.close()


def _is_ours(name: str, labels: dict[str, str]) -> bool:
    return name.startswith("repo-agent-") or any(label.startswith("repo-agent.") for label in labels)


def _processes() -> Iterator[str]:
    session = os.environ[SESSION_MARK]
    for process in psutil.process_iter():
        try:
            marked = process.environ().get(SESSION_MARK) == session and process.pid != os.getpid()
            if marked and process.status() != psutil.STATUS_ZOMBIE:
                yield f"process {process.pid} {' '.join(process.cmdline())[:150]}"
        except psutil.Error:
            continue  # another user's, or one that just ended
