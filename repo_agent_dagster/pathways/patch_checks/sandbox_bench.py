"""Run a check's commands in a sandbox: one for each batch, without network, with a copy of the files that matter.

The copy is brought from one state of the workspace to the next by what differs between them. What a check writes, it
writes into the copy.
"""

import io
import shlex
import tarfile
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from repo_agent_dagster.patching.checks.bench import MAX_OUTPUT_BYTES, QUIET, Ran, Seen, difference
from repo_agent_dagster.patching.checks.check_folder import CHECKS
from repo_agent_dagster.patching.checks.checker import CheckUnusable, CheckWithoutVerdict
from repo_agent_dagster.patching.checks.tree_index import PACKAGES, Entry
from repo_agent_dagster.patching.disk.paths import MISSION_CONTROL
from repo_agent_dagster.pathways.local_run import local_run_id
from repo_agent_dagster.sandbox import (
    TYPE_ROOTS,
    WORKSPACE,
    Sandbox,
    SandboxDeadlineExceeded,
    SandboxFileError,
    SandboxSpec,
    SandboxUnavailable,
)
from repo_agent_dagster.store.ids import new_id

if TYPE_CHECKING:
    from repo_agent_dagster.pathways.patch_checks.workspace_checks import CheckLimits

_OUTPUT = "/tmp/repo-agent-check"  # noqa: S108 - a folder of the sandbox, which has one user and ends with the check
_RUN = f'mkdir -p {_OUTPUT} && exec "$@" >{_OUTPUT}/stdout 2>{_OUTPUT}/stderr </dev/null'
_REMOVE = f'cd "$1" && xargs -0 rm -f -- <{_OUTPUT}/removed'
_HOUSEKEEPING_SECONDS = 120.0
_SPOOL_BYTES = 64 << 20
_NOT_RUNNABLE = (126, 127)
_OUT_OF_MEMORY = 137
_MIB = 1 << 20
_SHOWN_FOLDERS = 3


class SandboxBench:
    """A bench in a sandbox of its own, which is made when files are first shown."""

    place = f"{WORKSPACE}/tree"
    type_roots = TYPE_ROOTS

    def __init__(self, limits: "CheckLimits") -> None:
        self._limits = limits
        self._box: Sandbox | None = None
        self._shown: Mapping[str, Entry] = {}

    def show(self, seen: Seen, *, afresh: bool) -> None:
        """Bring the sandbox's copy into that state.

        Raises:
            CheckUnusable: the files are more than a sandbox takes.
            SandboxUnavailable: no Docker engine answers.
        """
        entries = seen.tree.entries
        self._refuse_too_much(entries)
        box = self._opened()
        if afresh and self._shown:
            self._housekeeping(["rm", "-rf", self.place])
            self._shown = {}
        written, removed = difference(self._shown, entries)
        if removed:
            box.put({"removed": "\0".join(removed).encode("utf-8", "surrogateescape")}, _OUTPUT)
            self._housekeeping(["sh", "-c", _REMOVE, "remove", self.place])
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
            with tarfile.open(fileobj=spool, mode="w", format=tarfile.PAX_FORMAT) as archive:
                for path in written:
                    _pack(archive, path, entries[path], seen)
            spool.seek(0)
            try:
                box.unpack(spool, self.place)
            except SandboxFileError as error:
                raise CheckUnusable(f"the workspace does not fit into a check's sandbox: {error}") from error
        self._shown = entries

    def find(self, program: str) -> str | None:
        """Return the workspace's own program if it is among the files shown, else the image's by its name."""
        own = f"{PACKAGES}/.bin/{program}"
        return f"{self.place}/{own}" if own in self._shown else program

    def run(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> Ran:
        """Run a command in the sandbox."""
        box = self._opened()
        argv = ["sh", "-c", _RUN, "check", *command]
        name = shlex.join(command[:1])
        limits = self._limits
        try:
            ran = box.exec(argv, cwd=self.place, env={**QUIET, **(env or {})}, timeout_seconds=limits.timeout_seconds)
            if ran.timed_out or ran.exit_code is None:
                raise CheckWithoutVerdict(
                    f"{name} did not end within {limits.timeout_seconds:g} s (REPO_AGENT_CHECK_TIMEOUT_SECONDS)"
                )
            if ran.exit_code == _OUT_OF_MEMORY:
                raise CheckWithoutVerdict(
                    f"{name} was killed, most likely as it needs more than {limits.memory_mb} MiB "
                    "(REPO_AGENT_CHECK_MEMORY_MB)"
                )
            printed = box.get_tree(_OUTPUT, max_bytes=MAX_OUTPUT_BYTES)
        except SandboxDeadlineExceeded as error:
            raise CheckWithoutVerdict(
                f"the check did not end within {limits.deadline_seconds} s (REPO_AGENT_CHECK_TIMEOUT_SECONDS)"
            ) from error
        except SandboxFileError as error:
            raise CheckWithoutVerdict(f"what {name} printed cannot be taken from the sandbox: {error}") from error
        stdout, stderr = (printed.get(stream, b"").decode("utf-8", "replace") for stream in ("stdout", "stderr"))
        if ran.exit_code in _NOT_RUNNABLE and not stdout:
            raise CheckUnusable(
                f"{name} cannot be run in the sandbox ({stderr.strip() or ran.output.strip()}); its image lacks it, or "
                "is not of this version: repo-agent sandboxes image build"
            )
        return Ran(ran.exit_code, stdout, stderr)

    def lend(self, name: str, content: bytes) -> None:
        """Put a file that is kept between runs into the sandbox."""
        self._opened().put({name: content}, f"{self.place}/{MISSION_CONTROL}/{CHECKS}")

    def take_back(self, name: str) -> bytes | None:
        """Return such a file; None where the check left none."""
        try:
            return self._opened().get(f"{self.place}/{MISSION_CONTROL}/{CHECKS}/{name}", max_bytes=64 * _MIB)
        except SandboxFileError:
            return None

    def close(self) -> None:
        """Destroy the sandbox."""
        box, self._box, self._shown = self._box, None, {}
        if box is not None:
            # The verdict stands, whatever the engine does now; the sandbox ends itself at its deadline.
            with suppress(SandboxUnavailable):
                box.destroy()

    def _opened(self) -> Sandbox:
        if self._box is None:
            limits = self._limits
            spec = SandboxSpec(
                task_id=f"check-{new_id()}",
                run_id=local_run_id(),  # in no queue: it is over with this process
                image=limits.image,
                user=limits.user,
                cpus=limits.cpus,
                memory_mb=limits.memory_mb,
                pids=limits.pids,
                disk_mb=limits.disk_mb,
                deadline_seconds=limits.deadline_seconds,
                network="none",
                owner=limits.owner,
            )
            try:
                self._box = Sandbox.create(spec)
            except SandboxUnavailable as error:
                raise SandboxUnavailable(
                    f"the check needs a sandbox, and there is none: {error}. Start the engine, or register a workspace "
                    "that you trust as such: repo-agent workspaces add PATH --check … --trusted"
                ) from error
        return self._box

    def _housekeeping(self, command: Sequence[str]) -> None:
        done = self._opened().exec(command, cwd="/", timeout_seconds=_HOUSEKEEPING_SECONDS)
        if not done.ok:
            raise CheckWithoutVerdict(f"the sandbox's copy could not be brought up to date: {done.output.strip()}")

    def _refuse_too_much(self, entries: Mapping[str, Entry]) -> None:
        total = sum(entry.size for entry in entries.values())
        if total <= self._limits.copy_mb * _MIB:
            return
        by_folder: Counter[str] = Counter()
        for path, entry in entries.items():
            by_folder[path.partition("/")[0]] += entry.size
        largest = ", ".join(f"{name} ({size // _MIB} MiB)" for name, size in by_folder.most_common(_SHOWN_FOLDERS))
        raise CheckUnusable(
            f"the files that matter to the check are {total // _MIB} MiB, a sandbox takes {self._limits.copy_mb} "
            f"(REPO_AGENT_CHECK_COPY_MB); the largest: {largest}"
        )


def _pack(archive: tarfile.TarFile, path: str, entry: Entry, seen: Seen) -> None:
    member = tarfile.TarInfo(path)
    if entry.link is not None:
        member.type, member.linkname = tarfile.SYMTYPE, entry.link
        archive.addfile(member)
        return
    content = seen.read(path) or b""
    member.size, member.mode = len(content), 0o755 if entry.executable else 0o644
    archive.addfile(member, io.BytesIO(content))
