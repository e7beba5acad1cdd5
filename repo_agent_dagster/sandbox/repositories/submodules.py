"""Submodules of a commit: which there are, and each cloned into its place through a mirror of its own."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from repo_agent_dagster.sandbox.repositories.cloning import clone_into
from repo_agent_dagster.sandbox.repositories.faults import RepositoryError
from repo_agent_dagster.sandbox.repositories.git import run_git
from repo_agent_dagster.sandbox.repositories.history import Mirror
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
from repo_agent_dagster.sandbox.sandbox import Sandbox

MOST_LEVELS = 5
MOST_SUBMODULES = 100


@dataclass(frozen=True)
class Submodule:
    """A submodule as its parent names it; `url` may be relative to the parent's."""

    path: str
    url: str
    commit: str


def submodules_of(mirror: Mirror, commit: str) -> list[Submodule]:
    """Return the submodules of a commit, by path; those that `.gitmodules` gives no URL for are left out."""
    commits = mirror.submodules(commit)
    if not commits:
        return []
    # git reads its own format here, from an object: what the file says is data, and it includes no other file.
    done = run_git(["config", "--blob", f"{commit}:.gitmodules", "--null", "--list"], mirror.path)
    if done.exit_code != 0:
        return []
    said: dict[str, dict[str, str]] = {}
    for entry in done.text.split("\0"):
        key, _, value = entry.partition("\n")
        named = re.fullmatch(r"submodule\.(.+)\.(path|url)", key, re.DOTALL)
        if named:
            said.setdefault(named[1], {})[named[2]] = value
    told = [section for section in said.values() if section.keys() >= {"path", "url"}]
    urls = {section["path"].rstrip("/"): section["url"] for section in told}
    return [Submodule(path, urls[path], commits[path]) for path in sorted(commits) if path in urls]


def submodule_around(mirror: Mirror, commit: str, path: str) -> str | None:
    """Return the path of the submodule that a path of a commit lies in or is; None when it is the commit's own."""
    return next((name for name in mirror.submodules(commit) if PurePosixPath(path).is_relative_to(name)), None)


def clone_submodules(
    box: Sandbox, repositories: Repositories, mirror: Mirror, commit: str, target: str, *, depth: int | None = None
) -> list[str]:
    """Clone the submodules of the clone at `target`, and theirs in turn; return their paths below it.

    Each has its own mirror on the host, by the same rules as any repository: see `Repositories.submodule`.

    Raises:
        RepositoryError: a URL is refused, a repository or commit is not there, there are more than
            `MOST_SUBMODULES`, or they lie deeper than `MOST_LEVELS`: two may hold each other's older commits.
        RepositoryUnavailable: a server failed; a retry may succeed.
    """
    made: list[str] = []
    level = [("", mirror, commit)]
    for _ in range(MOST_LEVELS):
        below = [(prefix, parent, child) for prefix, parent, at in level for child in submodules_of(parent, at)]
        level = []
        for prefix, parent, child in below:
            path = f"{prefix}{child.path}"
            if len(made) >= MOST_SUBMODULES:
                raise RepositoryError(f"{mirror.url} has more than {MOST_SUBMODULES} submodules; do without submodules")
            try:
                own = repositories.submodule(parent, child.url, child.commit)
                clone_into(box, own, own.resolve(child.commit), f"{target}/{path}", depth=depth)
            except RepositoryError as error:
                raise RepositoryError(f"submodule {path} of {mirror.url}: {error}") from error
            made.append(path)
            level.append((f"{path}/", own, child.commit))
    if any(submodules_of(parent, at) for _, parent, at in level):
        raise RepositoryError(f"{mirror.url} has submodules over {MOST_LEVELS} levels deep; do without submodules")
    return made
