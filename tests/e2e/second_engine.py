"""A Docker engine of a test's own, which may be killed and started again while the machine's goes on."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import docker

from repo_agent_dagster.sandbox.spec import DEFAULT_IMAGE

# All that process 1 of a sandbox needs of the image: a full copy would take a minute.
_PYTHON = (
    "cd / && tar -chf - usr/bin/python3 usr/bin/python3.11 usr/lib/python3.11 "
    r"$(ldd /usr/bin/python3.11 /usr/lib/python3.11/lib-dynload/_ctypes*.so "
    r"| sed -n 's,.*[ \t]/\(lib[^ ]*\) (.*,\1,p' | sort -u)"
)
_START_SECONDS = 60


class SecondEngine:
    """`dockerd` with folders, a socket, a containerd and a network namespace of its own.

    The namespace is no luxury: two engines share the bridge docker0 otherwise, and what one does to it the other feels.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.address = f"unix://{folder / 'docker.sock'}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        # One that was killed leaves the number of its containerd; on a busy machine that is another process by now.
        for stale in (self._folder / "pid", self._folder / "exec" / "containerd" / "containerd.pid"):
            stale.unlink(missing_ok=True)
        command = [
            "unshare", "--net", "--", "dockerd", f"--data-root={self._folder / 'data'}",
            f"--exec-root={self._folder / 'exec'}",
            f"--pidfile={self._folder / 'pid'}", f"--host={self.address}", "--iptables=false",
        ]  # fmt: skip
        with (self._folder / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        limit = time.monotonic() + _START_SECONDS
        while not self._answers():
            told = (self._folder / "dockerd.log").read_text(errors="replace")[-2000:]
            assert self._process.poll() is None, told
            assert time.monotonic() < limit, told
            time.sleep(0.2)

    def _answers(self) -> bool:
        client = None
        try:
            client = docker.DockerClient(self.address, timeout=5)
            client.ping()
        except docker.errors.DockerException:
            return False
        finally:
            if client is not None:
                client.close()
        return True

    def end(self, signum: signal.Signals) -> None:
        """Send a signal to it and wait for its end."""
        assert self._process is not None
        self._process.send_signal(signum)
        self._process.wait(60)

    def remove(self) -> None:
        """Stop it and remove its folders."""
        if self._process is not None and self._process.poll() is None:
            self.end(signal.SIGTERM)
        # Its data folder is a mount of itself.
        subprocess.run(["umount", "--quiet", str(self._folder / "data")], check=False)
        shutil.rmtree(self._folder / "data", ignore_errors=True)
        shutil.rmtree(self._folder / "exec", ignore_errors=True)

    def take_python(self) -> None:
        """Give it an image under the sandbox image's name, with that one's Python and nothing else."""
        run = ["docker", "run", "--rm", "--network=none", "--log-driver=none", "--entrypoint=sh", DEFAULT_IMAGE]
        into = ["docker", "--host", self.address, "import", "-", DEFAULT_IMAGE]
        with subprocess.Popen([*run, "-c", _PYTHON], stdout=subprocess.PIPE) as copying:
            subprocess.run(into, stdin=copying.stdout, check=True, stdout=subprocess.DEVNULL)
        assert copying.returncode == 0

    def python(self, program: str, *arguments: str) -> "subprocess.Popen[str]":
        """Run a Python program that finds this engine and no other."""
        return subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            env={**os.environ, "DOCKER_HOST": self.address},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
