"""What people write for a state of a repository, as the full names that it may mean. Pure: no git in here."""

import re
from dataclasses import dataclass

from repo_agent_dagster.sandbox.repositories.faults import RepositoryError

_NO_NAME = re.compile(r"[\s:?*\[\\^~\x00-\x20\x7f]|\.\.|@\{|//|^[-/]|[/.]$|\.lock$")
_COMMIT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHORT_ID = re.compile(r"[0-9a-f]{4,64}")
_NUMBERED = re.compile(
    r"(?P<hash>#)(?P<a>\d{1,9})|(?:pr|pull)/(?P<b>\d{1,9})(?:/head)?"
    r"|!(?P<c>\d{1,9})|(?:mr|merge-requests)/(?P<d>\d{1,9})(?:/head)?"
    r"|pull-requests/(?P<e>\d{1,9})(?:/from)?",
    re.IGNORECASE,
)
_PULL = "refs/pull/{}/head"  # GitHub, Gitea, Forgejo
_MERGE = "refs/merge-requests/{}/head"  # GitLab
_PULL_REQUESTS = "refs/pull-requests/{}/from"  # Bitbucket Data Center


@dataclass(frozen=True)
class Meanings:
    """The full ref names that a text may stand for, all equally good, and whether it may also be a commit's id."""

    names: tuple[str, ...]
    commit_id: bool
    pull_request: int | None = None


def meanings(ref: str) -> Meanings:
    """Return what a text may mean: a branch, a tag, ``HEAD``, a commit, or a pull request.

    A pull request is ``#7``, ``pr/7``, ``pull/7`` or its full name, a merge request ``!7`` or ``mr/7``; where a
    server has only the other kind, ``#7`` and ``!7`` mean that.

    Raises:
        RepositoryError: it can be no name: it is empty, has blanks, or is an expression such as ``HEAD~1``.
    """
    numbered = _NUMBERED.fullmatch(ref)
    if numbered:
        number = int(next(filter(None, numbered.group("a", "b", "c", "d", "e"))))
        asked = pull_request_names(number)
        if numbered["hash"] or ref.startswith("!"):
            return Meanings(asked, commit_id=False, pull_request=number)
        # A branch may be called pr/7 too.
        return Meanings((f"refs/heads/{ref}", f"refs/tags/{ref}", *asked), commit_id=False, pull_request=number)
    if not ref or _NO_NAME.search(ref):
        raise RepositoryError(
            f"{ref!r} is no name of a branch, a tag, a commit or a pull request (#7); expressions are not taken"
        )
    if _COMMIT_ID.fullmatch(ref):
        return Meanings((), commit_id=True)
    if ref == "HEAD" or ref.startswith("refs/"):
        return Meanings((ref,), commit_id=False)
    return Meanings((f"refs/heads/{ref}", f"refs/tags/{ref}"), commit_id=_SHORT_ID.fullmatch(ref) is not None)


def pull_request_names(number: int) -> tuple[str, ...]:
    """Return the names under which servers keep the head of a pull or merge request."""
    return tuple(name.format(number) for name in (_PULL, _MERGE, _PULL_REQUESTS))


def is_commit_id(ref: str) -> bool:
    """Return whether a text is a commit's whole id, SHA-1 or SHA-256."""
    return _COMMIT_ID.fullmatch(ref) is not None


def short_name(ref: str) -> str:
    """Return a full ref name as people write it."""
    return re.sub(r"^refs/(heads|tags|remotes)/", "", ref)
