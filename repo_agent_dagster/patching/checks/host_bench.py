"""Run a check's commands on the host, for workspaces that are trusted. See `store.workspaces` for who says so.

What is on the disk is checked in its place, with tools' caches in `.mission_control/checks/`. Any other state is laid
out in a temporary folder, where installed packages are links to the workspace's own.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from repo_agent_dagster.patching.checks.bench import MAX_OUTPUT_BYTES, QUIET, Ran, Seen, difference
from repo_agent_dagster.patching.checks.check_folder import CHECKS
from repo_agent_dagster.patching.checks.checker import CheckUnusable, CheckWithoutVerdict
from repo_agent_dagster.patching.checks.tree_index import PACKAGES, Entry
from repo_agent_dagster.patching.disk.paths import MISSION_CONTROL

_POLL_SECONDS = 0.05
_ENVIRONMENTS = (".venv", "venv")


class HostBench:
    """Runs commands on the host, each at most `timeout_seconds` long."""

    type_roots = None

    def __init__(self, root: Path, timeout_seconds: float) -> None:
        self._root = root
        self._timeout = timeout_seconds
        self._scratch: Path | None = None
        self._laid_out: dict[str, Entry] = {}
        self._at: Path = root

    @property
    def place(self) -> str:
        """The workspace itself, or the folder in which another state of it is laid out."""
        return str(self._at)

    def show(self, seen: Seen, *, afresh: bool) -> None:
        """Lay the state out, unless it is the one on the disk."""
        self._at = self._root if not seen.overlay else self._lay_out(seen, afresh)

    def find(self, program: str) -> str | None:
        """Return the project's own program, or the one on PATH, or the one beside this Python."""
        return find_on_host(self._root, program)

    def run(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> Ran:
        """Run a command; everything that it started ends with it."""
        caches = f"{self.place}/{MISSION_CONTROL}/{CHECKS}"
        environment = {
            **os.environ,
            **QUIET,
            "RUFF_CACHE_DIR": f"{caches}/ruff",
            "MYPY_CACHE_DIR": f"{caches}/mypy",
            "PYTHONPYCACHEPREFIX": f"{caches}/pycache",
            **(env or {}),
        }
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            try:
                process = subprocess.Popen(
                    command,
                    cwd=self.place,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                raise CheckUnusable(f"{command[0]} cannot be run on this host: {error}") from error
            try:
                self._wait(process, command, stdout, stderr)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if process.returncode < 0:
                raise CheckWithoutVerdict(f"{command[0]} was ended by signal {-process.returncode}")
            return Ran(process.returncode, _text(stdout), _text(stderr))

    def lend(self, name: str, content: bytes) -> None:
        """Give a laid-out state its copy; in the workspace itself the file is in its place."""
        if self._at != self._root:
            kept = self._at / MISSION_CONTROL / CHECKS / name
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(content)

    def take_back(self, name: str) -> bytes | None:
        """Return None: what was made in the workspace stays in its place, what was made elsewhere is not kept."""
        return None

    def close(self) -> None:
        """Remove what was laid out."""
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch, self._laid_out, self._at = None, {}, self._root

    def _wait(self, process: subprocess.Popen[bytes], command: Sequence[str], *outputs: IO[bytes]) -> None:
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                process.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            else:
                return
            if time.monotonic() >= deadline:
                raise CheckWithoutVerdict(
                    f"{command[0]} did not end within {self._timeout:g} s (REPO_AGENT_CHECK_TIMEOUT_SECONDS)"
                )
            if any(os.fstat(output.fileno()).st_size > MAX_OUTPUT_BYTES for output in outputs):
                raise CheckWithoutVerdict(f"{command[0]} printed more than {MAX_OUTPUT_BYTES >> 20} MiB")

    def _lay_out(self, seen: Seen, afresh: bool) -> Path:
        if any(PACKAGES in path.split("/") for path in seen.overlay):
            raise CheckWithoutVerdict(f"files in {PACKAGES} can be checked on the host in their place alone")
        if afresh:
            self.close()
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="repo-agent-check-"))
            for name in _ENVIRONMENTS:
                if (self._root / name).is_dir():
                    (self._scratch / name).symlink_to(self._root / name)
        wanted = {path: entry for path, entry in seen.tree.entries.items() if not self._is_linked(path)}
        written, removed = difference(self._laid_out, wanted)
        for path in removed:
            (self._scratch / path).unlink(missing_ok=True)
        for path in written:
            self._write(self._scratch / path, wanted[path], seen, path)
        self._laid_out = wanted
        return self._scratch

    def _is_linked(self, path: str) -> bool:
        """Link the folder of installed packages that a path is in, if it is in one."""
        assert self._scratch is not None  # noqa: S101 - made by the only caller
        folders = path.split("/")[:-1]
        if PACKAGES not in folders:
            return False
        packages = "/".join(folders[: folders.index(PACKAGES) + 1])
        link = self._scratch / packages
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(self._root / packages)
        return True

    def _write(self, target: Path, entry: Entry, seen: Seen, path: str) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if entry.link is not None:
            target.symlink_to(entry.link)
            return
        target.write_bytes(seen.read(path) or b"")
        if entry.executable:
            target.chmod(0o755)


def find_on_host(root: Path, program: str) -> str | None:
    """Return a program's path: the project's own, the one on PATH, or the one beside this Python."""
    own = [root / PACKAGES / ".bin", *(root / name / "bin" for name in _ENVIRONMENTS)]
    found = (shutil.which(program, path=str(folder)) for folder in own)
    return (
        next(filter(None, found), None)
        or shutil.which(program)
        or shutil.which(program, path=str(Path(sys.executable).parent))
    )


def host_identity(root: Path, programs: Sequence[str]) -> str:
    """Return what a verdict on the host depends on beside the files: which programs, and what is installed for them."""
    places = [Path(found) for program in programs if (found := find_on_host(root, program)) is not None]
    for name in _ENVIRONMENTS:
        places += sorted((root / name / "lib").glob("python*/site-packages"))
    stamps = []
    for place in places:
        with contextlib.suppress(OSError):
            stamps.append(f"{place}@{place.stat().st_mtime_ns}")
    return "host " + " ".join(stamps)


def _text(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read(MAX_OUTPUT_BYTES).decode("utf-8", "replace")
