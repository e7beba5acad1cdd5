"""The Docker engine: reach it, make sure that one runs, stop the one we started, put its errors in our words."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import docker
import docker.errors
import psutil
import requests

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.sandbox.spec import SandboxSpecError, SandboxUnavailable

Progress = Callable[[str], None]

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
PATIENCE_SECONDS = 20.0
"""How long an engine is waited for to kill or remove something."""
_REQUEST_SECONDS = 120


class EngineMissing(PermanentFault):
    """No Docker engine answers and none can be installed or started from here."""


def silent(_message: str) -> None:
    """Take progress messages and show none."""


def engine() -> docker.DockerClient:
    """Return this process's connection to the engine that DOCKER_HOST names (default: the local one).

    Raises:
        SandboxUnavailable: DOCKER_HOST is malformed.
    """
    return _engine_of(os.getpid(), os.environ.get("DOCKER_HOST", ""))  # a connection does not survive a fork


def bounded_engine(seconds: float = PATIENCE_SECONDS) -> docker.DockerClient:
    """Return a connection on which no answer is waited for longer than that: for kills and removals.

    Raises:
        SandboxUnavailable: DOCKER_HOST is malformed, or nothing answers there.
    """
    return _bounded_engine_of(os.getpid(), os.environ.get("DOCKER_HOST", ""), seconds)


@lru_cache(maxsize=2)
def _engine_of(_pid: int, _host: str) -> docker.DockerClient:
    with engine_errors("connecting to the Docker engine"):
        return docker.DockerClient.from_env(version="auto", timeout=_REQUEST_SECONDS)


@lru_cache(maxsize=2)
def _bounded_engine_of(_pid: int, _host: str, seconds: float) -> docker.DockerClient:
    with engine_errors("connecting to the Docker engine"):
        # docker-py's types say whole seconds; what it does with them does not.
        return docker.DockerClient.from_env(version="auto", timeout=seconds)  # type: ignore[arg-type]


def why_no_engine() -> str | None:
    """Return None when an engine answers, else the reason, in Docker's words."""
    try:
        client = docker.DockerClient.from_env(timeout=10)
        try:
            client.ping()
        finally:
            client.close()
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        return str(error) or type(error).__name__
    return None


def engine_summary() -> str:
    """Return the engine's version, storage and limits in one line, e.g. for a status page.

    Raises:
        SandboxUnavailable: no engine answers.
    """
    with engine_errors("asking the Docker engine about itself"):
        told = engine().info()
    memory = f"{told['MemTotal'] / (1 << 30):.1f} GiB"
    return f"Docker {told['ServerVersion']} ({told['Driver']}, {told['NCPU']} CPUs, {memory})"


def host_address() -> str:
    """Return this host's address on Docker's default network: where sandboxes that have a network reach it.

    Raises:
        SandboxUnavailable: no engine answers, or it has no such network.
    """
    with engine_errors("asking for the host's address on the bridge network"):
        for config in engine().networks.get("bridge").attrs["IPAM"]["Config"] or ():
            if "Gateway" in config:
                return str(config["Gateway"])
    raise SandboxUnavailable("Docker's bridge network has no gateway, so that sandboxes cannot reach this host")


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Turn Docker's errors into ours: a missing image or a refused limit is permanent, the rest may pass."""
    try:
        yield
    except docker.errors.ImageNotFound as error:
        raise SandboxSpecError(
            f"{doing}: the image is missing ({error.explanation}); build it: repo-agent sandboxes image build"
        ) from error
    except docker.errors.NotFound as error:
        raise SandboxUnavailable(f"{doing}: it is gone ({error.explanation})") from error
    except docker.errors.APIError as error:
        if error.status_code == 400:
            raise SandboxSpecError(f"{doing}: the Docker engine refuses it: {error.explanation}") from error
        raise SandboxUnavailable(f"{doing}: the Docker engine says: {error.explanation or error}") from error
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise SandboxUnavailable(
            f"{doing}: the Docker engine does not answer ({error}); see: repo-agent sandboxes engine status"
        ) from error


@dataclass(frozen=True)
class EngineSteps:
    """What `ensure_engine` asks of the machine and does to it; tests hand in their own."""

    why_none: Callable[[], str | None]
    is_root: Callable[[], bool]
    find: Callable[[str], str | None]
    install: Callable[[Progress], None]
    start: Callable[[Path, str], None]


def ensure_engine(home: Path, *, say: Progress = silent, steps: EngineSteps | None = None) -> None:
    """Make sure that a Docker engine answers: use the running one, else install `docker.io` and start `dockerd`.

    Installing needs root and apt-get (Debian, Ubuntu). A dockerd that is started here is detached from the caller;
    its log, pid and start time are under `home`/docker, where `stop_engine` finds them.

    Raises:
        EngineMissing: none answers and this user or system cannot start one; the message says what to install.
    """
    steps = steps or machine_steps()
    reason = steps.why_none()
    if reason is None:
        return
    remote = os.environ.get("DOCKER_HOST")
    if remote:
        raise EngineMissing(f"DOCKER_HOST is {remote}, and no Docker engine answers there: {reason}")
    if not steps.is_root():
        raise EngineMissing(
            f"no Docker engine answers ({reason}). If one is installed, add yourself to its group (sudo usermod -aG "
            "docker $USER, then log in again) or start it (sudo systemctl start docker); else install it: "
            "https://docs.docker.com/engine/install/"
        )
    if steps.find("dockerd") is None:
        if steps.find("apt-get") is None:
            raise EngineMissing(
                f"no Docker engine answers ({reason}) and this system has no apt-get to install one with; "
                "install Docker: https://docs.docker.com/engine/install/"
            )
        say("no Docker engine here: installing docker.io with apt-get")
        steps.install(say)
    dockerd = steps.find("dockerd")
    if dockerd is None:
        raise EngineMissing("docker.io is installed but there is no dockerd on PATH; install Docker by hand")
    folder = home / "docker"
    say(f"starting dockerd; its log is {folder / 'dockerd.log'}")
    steps.start(folder, dockerd)
    _await_engine(folder, steps.why_none)
    say("the Docker engine answers")


def _await_engine(folder: Path, why_none: Callable[[], str | None]) -> None:
    limit = time.monotonic() + _START_SECONDS
    while (reason := why_none()) is not None:
        if started_engine(folder.parent) is None or time.monotonic() > limit:
            log = folder / "dockerd.log"
            tail = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []
            raise EngineMissing(f"dockerd did not come up ({reason}); the end of {log}:\n" + "\n".join(tail))
        time.sleep(0.3)


def machine_steps() -> EngineSteps:
    """Return the real steps, on this machine."""
    return EngineSteps(
        why_none=why_no_engine,
        is_root=lambda: os.geteuid() == 0,
        find=shutil.which,
        install=_install_docker,
        start=start_detached,
    )


def _install_docker(say: Progress) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt_get(["update"], environment)
    # Debian 12 has all in docker.io; from Debian 13 on, the client and BuildKit's front end are packages of their own.
    extra = [name for name in ("docker-cli", "docker-buildx") if _apt_knows(name)]
    packages = ["docker.io", *extra, "iptables", "ca-certificates"]
    say(f"apt-get install {' '.join(packages)}")
    apt_get(["install", "-y", "--no-install-recommends", *packages], environment)


def _apt_knows(package: str) -> bool:
    shown = subprocess.run(["apt-cache", "show", package], capture_output=True, check=False)
    return shown.returncode == 0 and bool(shown.stdout)


def apt_get(arguments: list[str], environment: dict[str, str]) -> None:
    """Run apt-get quietly; on failure, raise EngineMissing with the end of what it said."""
    done = subprocess.run(
        ["apt-get", "-q", *arguments], env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise EngineMissing(f"apt-get {' '.join(arguments)} failed with {done.returncode}:\n{tail}")


def start_detached(folder: Path, command: str) -> None:
    """Start the daemon `command` in a session of its own; its log and its record go to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "dockerd.log").open("ab") as log:
        process = subprocess.Popen(
            [command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, close_fds=True
        )
    # The start time tells this process from a later one that got its pid.
    record = {"pid": process.pid, "created": psutil.Process(process.pid).create_time()}
    (folder / "dockerd.json").write_text(json.dumps(record))


def started_engine(home: Path) -> psutil.Process | None:
    """Return the dockerd that was started under `home`, or None when it does not run (any more)."""
    record = home / "docker" / "dockerd.json"
    try:
        entry = json.loads(record.read_text())
        process = psutil.Process(int(entry["pid"]))
        same = abs(process.create_time() - float(entry["created"])) < 1.0
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (FileNotFoundError, psutil.NoSuchProcess, ValueError, KeyError):
        return None


def stop_engine(home: Path) -> bool:
    """Stop the dockerd that was started under `home`; return whether there was one. Other engines are left alone."""
    process = started_engine(home)
    if process is not None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(_STOP_SECONDS)
    (home / "docker" / "dockerd.json").unlink(missing_ok=True)
    return process is not None
