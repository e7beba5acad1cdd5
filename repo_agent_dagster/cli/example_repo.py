"""Make git repositories out of plain folders, the example with the bug above all: the same bytes, the same commit."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.packaged import packaged_path

BRANCH = "main"
_AUTHOR = "Ada Example"
_EMAIL = "ada@example.invalid"
_GIT_SECONDS = 60
_MARK = "repo-agent-example"


class ExampleRepositoryError(PermanentFault):
    """The example's repository cannot be made: its place is taken, or git is missing or refuses."""


@dataclass(frozen=True)
class RepositoryFixture:
    """A repository with a bug: where it is, its only commit on `main`, and the diff that repairs it."""

    path: Path
    commit: str
    fix: str

    @property
    def url(self) -> str:
        """The repository's `file://` URL; fetching it needs the protocol `file` to be allowed."""
        return self.path.as_uri()


def make_repository(target: Path, *, now: datetime) -> RepositoryFixture:
    """Make the example repository with a bug at `target`, committed at `now`; one that is there already is kept.

    Raises:
        ExampleRepositoryError: `target` holds something else, or git is missing.
    """
    example = packaged_path("examples", "buggy_repo")
    files = {
        path.relative_to(example / "files").as_posix(): path.read_bytes()
        for path in sorted((example / "files").rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    commit = commit_files(target, files, now=now, message="Totals of invoices: lines, discounts, VAT by rate")
    return RepositoryFixture(target.absolute(), commit, (example / "fix.diff").read_text(encoding="utf-8"))


def commit_files(target: Path, files: Mapping[str, bytes], *, now: datetime, message: str) -> str:
    """Make a repository at `target` with one commit of these files on `main` and return the commit's id.

    The id depends on the arguments alone: no configuration, hook or template of the machine takes part. A repository
    made here before is kept if it holds the same files, and made again if not.

    Raises:
        ExampleRepositoryError: `target` holds something that was not made here, or git is missing or refuses.
    """
    target = target.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    # Made beside its place and renamed: whoever is killed half-way leaves no half repository.
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
        made = Path(folder) / "repository"
        commit = _commit(made, files, now, message)
        if target.exists() and any(target.iterdir()):
            if not (target / ".git" / _MARK).is_file():
                raise ExampleRepositoryError(f"{target} is not empty and was not made here; choose another folder")
            if _tree(target) == _tree(made):
                return _git(target, "rev-parse", "HEAD")
            shutil.rmtree(target)
        made.rename(target)
    return commit


def _commit(target: Path, files: Mapping[str, bytes], now: datetime, message: str) -> str:
    target.mkdir()
    _git(target, "init", "--quiet", "--template=", f"--initial-branch={BRANCH}")
    for name, content in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    _git(target, "add", "--all", "--force")
    _git(target, "commit", "--quiet", "--no-verify", "--allow-empty", f"--message={message}", at=now)
    (target / ".git" / _MARK).touch()
    return _git(target, "rev-parse", "HEAD")


def _tree(repository: Path) -> str:
    # With the state of the work tree in it: an edited example is made again too.
    return _git(repository, "rev-parse", "HEAD^{tree}") + _git(repository, "status", "--porcelain")


def _git(folder: Path, *arguments: str, at: datetime | None = None) -> str:
    date = f"{int(at.timestamp())} +0000" if at else ""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "LC_ALL": "C",
        **({"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date} if date else {}),
    }
    settings = (f"user.name={_AUTHOR}", f"user.email={_EMAIL}", "commit.gpgSign=false", "core.autocrlf=false")
    options = [part for setting in (*settings, "core.hooksPath=/dev/null") for part in ("-c", setting)]
    command = ["git", *options, *arguments]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_GIT_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise ExampleRepositoryError("git is not installed on this machine: apt-get install git") from error
    if done.returncode != 0:
        raise ExampleRepositoryError(f"git {arguments[0]} in {folder} failed: {done.stderr.strip()}")
    return done.stdout.strip()
