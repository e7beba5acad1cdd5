"""Mirrors of repositories on the host: made, brought up to date, made anew when damaged, pruned by size."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from repo_agent_dagster.sandbox.repositories.credentials import ConfigEntry, Handover, handed_over
from repo_agent_dagster.sandbox.repositories.faults import RepositoryError, RepositoryUnavailable
from repo_agent_dagster.sandbox.repositories.git import git, run_git
from repo_agent_dagster.sandbox.repositories.history import DAMAGE, Mirror
from repo_agent_dagster.sandbox.repositories.locks import Use, exclusive
from repo_agent_dagster.sandbox.repositories.marks import Marks, discard, fetch_lock, sweep, use_lock
from repo_agent_dagster.sandbox.repositories.pruning import prune_mirrors
from repo_agent_dagster.sandbox.repositories.refs import is_commit_id
from repo_agent_dagster.sandbox.repositories.urls import Credentials, RepositoryUrl, parse_url

FETCH_SECONDS = 900.0
"""Time for one transfer from a server, and for the wait for another task's transfer of the same repository."""

# Objects are checked as they arrive, and warnings count as errors: names such as .git or .., and .gitmodules that
# hold commands, never get here. Left out is what old tools wrote into honest histories and what can do no harm: the
# spelling of people, dates and file modes.
_HARMLESS = (
    *("badEmail", "badTimezone", "missingEmail", "missingNameBeforeEmail", "missingSpaceBeforeDate"),
    *("missingSpaceBeforeEmail", "multipleAuthors", "zeroPaddedDate", "zeroPaddedFilemode"),
)
_CHECKED: tuple[ConfigEntry, ...] = (
    ("transfer.fsckObjects", "true"),
    ("fetch.fsckObjects", "true"),
    *((f"fetch.fsck.{category}", "ignore") for category in _HARMLESS),
    ("fetch.unpackLimit", "1"),  # always a pack: checked as a whole and placed at once
    # A server that has nothing to say for this long is gone; one that prepares a pack says so every few seconds.
    *(("http.lowSpeedLimit", "1"), ("http.lowSpeedTime", "120")),
)
_TIDY: tuple[ConfigEntry, ...] = (
    *(("gc.auto", "2000"), ("gc.autoPackLimit", "20"), ("gc.autoDetach", "false"), ("maintenance.auto", "true")),
    ("gc.pruneExpire", "2.weeks.ago"),
)


@dataclass(frozen=True)
class _Server:
    """A repository's server as git's configuration has it for one call, and the protocols that it may use."""

    url: RepositoryUrl
    protocols: str
    handover: Handover
    file_bytes: int | None

    def git(self, arguments: Sequence[str], path: Path) -> str:
        remote = (("remote.origin.url", self.url.location), ("remote.origin.fetch", "+refs/*:refs/*"))
        return git(
            arguments, path, of=self.url.location, config=(*_CHECKED, *remote), handover=self.handover,
            protocols=self.protocols, timeout_seconds=FETCH_SECONDS, file_bytes=self.file_bytes,
        )  # fmt: skip


class Repositories:
    """The bare mirrors under one folder.

    `allowed_protocols` are git's names: https, ssh, http, git, file. `credential_helper` is asked for credentials
    besides the helpers of the host's own git configuration, and is written as in git's ``credential.helper``. Over
    `budget_bytes` in all, the mirrors that were not used for longest are removed; no mirror's pack gets larger than
    `repository_bytes`. None is no limit.
    """

    def __init__(
        self,
        mirrors_dir: Path,
        allowed_protocols: frozenset[str],
        *,
        credential_helper: str = "",
        budget_bytes: int | None = None,
        repository_bytes: int | None = None,
        lock_seconds: float = FETCH_SECONDS,
    ) -> None:
        self._folder = mirrors_dir
        self._allowed = allowed_protocols
        self._helper = credential_helper
        self._budget = budget_bytes
        self._largest = repository_bytes
        self._lock_seconds = lock_seconds

    def mirror(self, url: str, *, ref: str | None = None) -> Mirror:
        """Return the mirror of a repository, made or brought up to date now. Callers of one URL wait for each other.

        A `ref` that is a full commit id needs no look at the server when the mirror has that commit, and is asked
        for by its id when the server's refs do not lead to it. When the server's refs are the mirror's, nothing is
        fetched. As long as the returned object lives, the mirror is not pruned.

        Raises:
            RepositoryError: the URL is malformed or of a protocol that is not allowed, there is no repository, its
                server refuses this host, or git's check refuses an object of it.
            RepositoryUnavailable: the network or the server failed, or another task holds the mirror for long.
        """
        return self._mirror(parse_url(url, self._allowed), ref)

    def submodule(self, parent: Mirror, url: str, commit: str) -> Mirror:
        """Return the mirror of a submodule, its URL as `.gitmodules` has it, with the commit that the parent names.

        Raises:
            RepositoryError: as `mirror`, and when a repository from elsewhere names a path of this machine.
        """
        return self._mirror(parent.source.submodule(url, self._allowed), commit)

    def credentials(self, source: RepositoryUrl) -> Credentials | None:
        """Return what opens a repository's server: from its URL, or from a helper of this host; None without any."""
        if source.credentials is not None or not source.server:
            return source.credentials
        scheme, _, host = source.server.partition("://")
        with (
            handed_over(None, source.server, operator_helpers=(), extra_helper=self._helper) as handover,
            tempfile.TemporaryFile() as asked,
        ):
            asked.write(f"protocol={scheme}\nhost={host}\n\n".encode())
            asked.seek(0)
            done = run_git(["credential", "fill"], handover=handover, stdin=asked)
        said = dict(line.split("=", 1) for line in done.text.splitlines() if "=" in line)
        if done.exit_code != 0 or "username" not in said:
            return None
        return Credentials(said["username"], said.get("password"))

    def _mirror(self, source: RepositoryUrl, ref: str | None) -> Mirror:
        path = self._folder / f"{source.mirror_name}.git"
        mirror = Mirror(source, path, Use(use_lock(path)))
        marks = Marks(path)
        wanted = ref if ref is not None and is_commit_id(ref) else None
        # One that was fetched with somebody's own credentials may hold what others must not see: ask the server.
        if wanted and not source.credentials and not marks.private and not marks.damaged and mirror.has(wanted):
            marks.used(source.location)
            return mirror
        with exclusive(fetch_lock(path), doing=f"fetching {source.location}", seconds=self._lock_seconds):
            changed = self._bring(source, path, wanted)
            marks.used(source.location)
        if changed and self._budget is not None:
            prune_mirrors(self._folder, self._budget)
        return mirror

    def _bring(self, source: RepositoryUrl, path: Path, wanted: str | None) -> bool:
        """Make the mirror at `path` what the server has; return whether something was fetched."""
        sweep(path)
        whole = path.is_dir() and (path / "HEAD").is_file() and not Marks(path).damaged
        if whole and source.credentials:
            Marks(path).mark_private()
        operator_helpers = _operator_helpers() if source.credentials else ()
        with handed_over(
            source.credentials, source.server, operator_helpers=operator_helpers, extra_helper=self._helper
        ) as handover:
            server = _Server(source, ":".join(sorted(self._allowed)), handover, self._largest)
            if whole:
                try:
                    return _update(server, path, wanted)
                except (RepositoryError, RepositoryUnavailable) as error:
                    if not DAMAGE.search(re.sub(r"remote:[^\n]*", "", str(error))):  # what the server says is its own
                        raise
            self._make(server, path, wanted)
            return True

    def _make(self, server: _Server, path: Path, wanted: str | None) -> None:
        # Under another name until it is whole: a killed clone never leaves half a mirror, and one that is made in the
        # place of a damaged one replaces it at the end.
        with tempfile.TemporaryDirectory(prefix=f"{path.stem}.", suffix=".part", dir=self._folder) as folder:
            part = Path(folder) / "sha1"
            _init(part)
            try:
                _update(server, part, wanted)
            except RepositoryError as error:
                if "server sha256" not in str(error):
                    raise
                part = Path(folder) / "sha256"
                _init(part)
                _update(server, part, wanted)
            if server.url.credentials:
                Marks(part).mark_private()
            if path.is_dir():
                discard(path)
            part.rename(path)


def _init(path: Path) -> None:
    git(["init", "--quiet", "--bare", "--template=", f"--object-format={path.name}", str(path)])


def _update(server: _Server, path: Path, wanted: str | None) -> bool:
    listed = server.git(["ls-remote", "--symref", "origin"], path)
    symbolic = re.search(r"^ref: (refs/\S+)\tHEAD$", listed, re.MULTILINE)
    detached = re.search(r"^([0-9a-f]{40,64})\tHEAD$", listed, re.MULTILINE)
    theirs = {line.replace("\t", " ") for line in listed.splitlines() if "\trefs/" in line and not line.endswith("^{}")}
    ours = set(git(["for-each-ref", "--format=%(objectname) %(refname)"], path).splitlines())
    changed = theirs != ours
    if changed:
        server.git(["fetch", "--quiet", "--prune", "--no-write-fetch-head", "origin"], path)
    if wanted and run_git(["cat-file", "-e", f"{wanted}^{{commit}}"], path).exit_code != 0:
        changed = _fetch_commit(server, path, wanted) or changed
    if symbolic:
        git(["symbolic-ref", "HEAD", symbolic[1]], path)
    elif detached:
        git(["update-ref", "--no-deref", "HEAD", detached[1]], path)
    if changed:
        git(["gc", "--auto", "--quiet"], path, config=_TIDY, timeout_seconds=FETCH_SECONDS)
    return changed


def _fetch_commit(server: _Server, path: Path, commit: str) -> bool:
    try:
        server.git(["fetch", "--quiet", "--no-write-fetch-head", "--refmap=", "origin", commit], path)
    except RepositoryError as error:
        if re.search(r"not our ref|unadvertised object", str(error)):
            return False  # servers may refuse ids that no ref leads to; `resolve` tells that the commit is not there
        raise
    return True


def _operator_helpers() -> tuple[ConfigEntry, ...]:
    # With `user@` in the URL the list of helpers is begun anew, so those of the host have to be named again.
    done = run_git(["config", "--null", "--get-regexp", r"^credential\.(.*\.)?helper$"])
    entries = (entry.partition("\n") for entry in done.text.split("\0") if entry)
    return tuple((key, value) for key, _, value in entries)
