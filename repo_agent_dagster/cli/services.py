"""Dagster's webserver and daemon as children of one command: started, watched, and gone when it ends.

A supervisor marks its children's environment with its home folder. Whoever holds the home's lock is the only
supervisor of that home, so any other marked process is a leftover of one that was killed, and is ended.
"""

import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.packaged import packaged_path
from repo_agent_dagster.settings import Settings

_MARK = "REPO_AGENT_SUPERVISED_HOME"
_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 20.0
_STATUS_QUERY = """{
  workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError {
    __typename ... on PythonError { message errorChain { error { message } } } } } } }
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
}"""


class ServicesFailed(TransientFault):
    """Dagster did not come up, or went down."""


def _die_with_parent() -> None:
    # Linux only: the kernel sends SIGTERM when the supervisor dies, also by SIGKILL.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port(host: str) -> int:
    """Return a TCP port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _port_is_taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def marked_processes(home: Path) -> list[psutil.Process]:
    """Return the processes that a supervisor of this home started, and their descendants."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(_MARK) == str(home):
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue  # another user's process, or one that just ended: not ours
    return found


def end_processes(processes: list[psutil.Process], grace_seconds: float = _GRACE_SECONDS) -> None:
    """Ask with SIGTERM, wait, then SIGKILL what is left."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout=grace_seconds)
    for process in alive:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=5)


def _signal(process: psutil.Process, signum: int) -> None:
    try:
        process.send_signal(signum)
    except psutil.NoSuchProcess:
        return


@contextmanager
def home_lock(home: Path) -> Iterator[None]:
    """Hold the home folder for one supervisor.

    Raises:
        PermanentFault: another one is running.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "supervisor.lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            owner = handle.read().strip() or "unknown"
            raise PermanentFault(
                f"{home} is already served by process {owner}; stop that one, or set REPO_AGENT_HOME to another folder"
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


class DagsterServices:
    """One webserver and one daemon on the home's instance."""

    def __init__(self, settings: Settings, *, extra_env: dict[str, str] | None = None) -> None:
        self._settings = settings
        self._home = settings.home
        self._dagster_home = settings.home / "dagster"
        self._extra_env = extra_env or {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self.port = settings.webserver_port

    @property
    def url(self) -> str:
        """Where the Dagster UI is."""
        return f"http://{self._settings.webserver_host}:{self.port}"

    def log_path(self, name: str) -> Path:
        """Where a service's output goes."""
        # Not $DAGSTER_HOME/logs: Dagster sends to its telemetry whatever lies there, and removes it.
        return self._home / "logs" / "services" / f"{name}.log"

    def start(self) -> None:
        """Start both; returns at once, see `wait_until_ready`.

        Raises:
            PermanentFault: the port is taken.
        """
        end_processes(marked_processes(self._home))
        host = self._settings.webserver_host
        if self.port == 0:
            self.port = free_port(host)
        elif _port_is_taken(host, self.port):
            raise PermanentFault(f"port {self.port} on {host} is taken; set REPO_AGENT_WEBSERVER_PORT to another one")
        self._dagster_home.mkdir(parents=True, exist_ok=True)
        self.log_path("any").parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(packaged_path("dagster.yaml"), self._dagster_home / "dagster.yaml")
        self._make_storage()
        workspace = str(packaged_path("workspace.yaml"))
        self._spawn("daemon", "dagster-daemon", "run", "-w", workspace)
        self._spawn("webserver", "dagster-webserver", "-h", host, "-p", str(self.port), "-w", workspace)

    def _make_storage(self) -> None:
        """Make Dagster's tables on a fresh home: two services that both find none would make them at once, and fail."""
        mark = self._dagster_home / "storage-ready"
        if mark.exists():
            return
        migrate = subprocess.run(
            [sys.executable, "-m", "dagster", "instance", "migrate"],
            cwd=self._home,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if migrate.returncode != 0:
            raise ServicesFailed(f"Dagster's storage in {self._dagster_home} cannot be made: {migrate.stderr[-2000:]}")
        mark.touch()

    def _spawn(self, name: str, program: str, *arguments: str) -> None:
        executable = Path(sys.executable).parent / program
        log = self.log_path(name).open("wb")
        self._children[name] = subprocess.Popen(
            [str(executable), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=self._home,
            env=self._environment(),
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the rest in order
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
        log.close()

    def _environment(self) -> dict[str, str]:
        ours = {
            "DAGSTER_HOME": str(self._dagster_home),
            # dagster.yaml keeps events from being written; this one keeps the uploader from running.
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            "REPO_AGENT_HOME": str(self._home),
            _MARK: str(self._home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }
        return {**os.environ, **ours, **self._extra_env}

    def wait_until_ready(self, timeout_seconds: float = 180.0, on_wait: Callable[[str], None] | None = None) -> None:
        """Block until the code location is loaded and every required daemon is healthy.

        Raises:
            ServicesFailed: a process ended, the code location does not load, or the time is up.
        """
        deadline = time.monotonic() + timeout_seconds
        missing = "the webserver"
        while time.monotonic() < deadline:
            self.check_alive()
            missing = self._missing()
            if not missing:
                return
            if on_wait:
                on_wait(missing)
            time.sleep(0.5)
        raise ServicesFailed(
            f"Dagster was not ready after {timeout_seconds:.0f} s: waiting for {missing}{self._tails()}"
        )

    def check_alive(self) -> None:
        """Raise ServicesFailed if the webserver or the daemon has ended."""
        for name, child in self._children.items():
            if child.poll() is not None:
                raise ServicesFailed(f"Dagster's {name} ended with {child.returncode}{self._tails()}")

    def _missing(self) -> str:
        try:
            data = self._graphql(_STATUS_QUERY)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return "the webserver"
        for entry in data["workspaceOrError"].get("locationEntries", []):
            location = entry["locationOrLoadError"]
            if location is None:
                return f"the code location {entry['name']}"
            if location["__typename"] == "PythonError":
                chain = [link["error"]["message"] for link in location["errorChain"]] or [location["message"]]
                raise ServicesFailed(f"the code location {entry['name']} does not load: {chain[-1].strip()}")
        statuses = data["instance"]["daemonHealth"]["allDaemonStatuses"]
        waiting = [s["daemonType"].lower() for s in statuses if s["required"] and not s["healthy"]]
        return f"the daemon ({', '.join(waiting)})" if waiting else ""

    def _graphql(self, query: str) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - always our own http URL
            f"{self.url}/graphql",
            data=json.dumps({"query": query}).encode(),
            headers={"Content-Type": "application/json"},
        )
        # Loopback must never go through a proxy that the environment names.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as response:
            data: dict[str, Any] = json.load(response)["data"]
            return data

    def _tails(self) -> str:
        parts = []
        for name in self._children:
            lines = self.log_path(name).read_text(errors="replace").splitlines()[-8:]
            parts.append(f"\n--- last lines of {self.log_path(name)}\n" + "\n".join(lines))
        return "".join(parts)

    def stop(self) -> None:
        """Stop the runs in progress (which clean up after themselves) and the services at once, then what is left.

        At once, because a daemon that outlives the workers takes them for crashed and starts their runs again.
        """
        workers = [process for process in marked_processes(self._home) if _is_run_worker(process)]
        services = [psutil.Process(child.pid) for child in self._children.values() if child.poll() is None]
        end_processes([*services, *workers])
        for child in self._children.values():
            child.wait()
        self._children.clear()
        end_processes(marked_processes(self._home), grace_seconds=5)


def _is_run_worker(process: psutil.Process) -> bool:
    # The default run launcher starts a run as a spawned child of its code server.
    try:
        return any("multiprocessing.spawn" in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False
