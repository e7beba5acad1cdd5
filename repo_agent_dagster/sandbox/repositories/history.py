"""What a mirror tells: refs, commits, changes, folders and files. Only objects are read, nothing is checked out."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from repo_agent_dagster.sandbox.repositories.faults import RepositoryError, RepositoryUnavailable
from repo_agent_dagster.sandbox.repositories.git import GitResult, failure, run_git
from repo_agent_dagster.sandbox.repositories.locks import Use
from repo_agent_dagster.sandbox.repositories.marks import Marks
from repo_agent_dagster.sandbox.repositories.refs import is_commit_id, meanings, pull_request_names, short_name
from repo_agent_dagster.sandbox.repositories.urls import RepositoryUrl, redacted

DAMAGE = re.compile(
    r"is corrupt|inflate: |unable to read|bad object (?!name)|not a git repository|does not match index|"
    r"object file .* is empty|garbage at end|missing (blob|tree|commit)|unable to parse|index file .* is too small|"
    r"(wrong|non-monotonic) index|index unavailable|packfile .* cannot be accessed|pack has bad object|"
    r"unknown object type|unable to get (type|size) of object|could not get object info",
    re.IGNORECASE,
)
"""What git says of objects that are missing or unreadable."""
_CHANGES_BYTES = 64 << 20
_FILE_BYTES = 1 << 20


@dataclass(frozen=True)
class Commit:
    """A commit, as a log line has it. `authored_at` has the author's time zone."""

    id: str
    parents: tuple[str, ...]
    authored_at: datetime
    author: str
    subject: str


@dataclass(frozen=True)
class Folder:
    """A folder of a commit: how many files are below it and how many bytes they have, links and submodules left out."""

    files: int
    bytes: int


@dataclass(frozen=True)
class Mirror:
    """A bare mirror on the host. While this object lives, the mirror is not pruned."""

    source: RepositoryUrl
    path: Path
    _use: Use | None = field(default=None, repr=False, compare=False)

    @property
    def url(self) -> str:
        """The repository's URL, without credentials."""
        return redacted(self.source.location)

    @property
    def size(self) -> int:
        """The size of its packed objects, in bytes."""
        return sum(pack.stat().st_size for pack in (self.path / "objects/pack").glob("*.pack"))

    def has(self, commit: str) -> bool:
        """Return whether the mirror has the commit with that whole id."""
        return (
            is_commit_id(commit)
            and self.path.is_dir()
            and run_git(["cat-file", "-e", f"{commit}^{{commit}}"], self.path).exit_code == 0
        )

    def resolve(self, ref: str) -> str:
        """Return the id of the commit that a branch, tag, commit id (also a short one), pull request or HEAD names.

        Raises:
            RepositoryError: there is none, and the message lists the refs with a similar name; or the name means
                two different commits.
        """
        return self._find(ref)[1]

    def pull_request(self, number: int) -> str:
        """Return the commit at the head of a pull or merge request.

        Raises:
            RepositoryError: the server shows no such request.
        """
        return self.resolve(f"#{number}")

    def is_pull_request(self, ref: str) -> bool:
        """Return whether a ref names what nobody merged: a pull request, or a commit that no branch or tag holds.

        Whoever may open a pull request may have written that.

        Raises:
            RepositoryError: as `resolve`.
        """
        name, commit = self._find(ref)
        if name == "HEAD" or name.startswith(("refs/heads/", "refs/tags/")):
            return False
        kinds = ("refs/heads", "refs/tags")
        return not self._git(["for-each-ref", "--count=1", "--contains", commit, "--format=%(refname)", *kinds]).strip()

    def default_branch(self) -> str | None:
        """Return the branch that HEAD is on; None when it is on none."""
        done = run_git(["symbolic-ref", "--quiet", "HEAD"], self.path)
        return short_name(done.text.strip()) if done.exit_code == 0 else None

    def changes(self, base: str, head: str, *, max_bytes: int = _CHANGES_BYTES) -> bytes:
        """Return the diff that `head` brings since it left `base`: full ids, binary files whole, renames found.

        Both are refs as `resolve` takes them. No program that the repository or the host names is run for it.

        Raises:
            RepositoryError: a ref is unknown, the two have no commit in common, or the diff is over `max_bytes`.
        """
        first, last = self.resolve(base), self.resolve(head)
        common = self._run(["merge-base", first, last])
        if common.exit_code != 0:
            raise RepositoryError(f"{self.url}: {base} and {head} have no commit in common, so there is no diff")
        start = common.text.split()[0]
        options = ("--binary", "--full-index", "--find-renames", "--no-ext-diff", "--no-textconv", "--no-color")
        prefixes = ("--src-prefix=a/", "--dst-prefix=b/", "--diff-algorithm=myers", "--submodule=short")
        done = run_git(["diff-tree", "-r", "-p", *options, *prefixes, start, last], self.path, max_bytes=max_bytes)
        return self.checked("diff-tree", done).stdout

    def log(self, good: str, bad: str, *, first_parent: bool = False) -> list[Commit]:
        """Return the commits that `bad` has and `good` has not, the oldest first, parents before children.

        With `first_parent` a merge counts as one step. Both are refs as `resolve` takes them.
        """
        options = ["--topo-order", "--reverse", *(["--first-parent"] if first_parent else [])]
        ends = ["--end-of-options", self.resolve(bad), f"^{self.resolve(good)}"]
        return self._commits([*options, *ends])

    def commit(self, ref: str) -> Commit:
        """Return the commit that a ref names."""
        return self._commits(["--max-count=1", "--end-of-options", self.resolve(ref)])[0]

    def read_file(self, commit: str, path: str, *, max_bytes: int = _FILE_BYTES) -> bytes | None:
        """Return a file of a commit as it is stored; None when there is no regular file of that path.

        Raises:
            RepositoryError: it is over `max_bytes`.
        """
        entry = self._entry(commit, path)
        if entry is None or not entry[0].startswith("100"):
            return None
        size = int(self._git(["cat-file", "-s", entry[1]]))
        if size > max_bytes:
            raise RepositoryError(
                f"{path} of {self.url} at {commit[:12]} has {size} bytes; at most {max_bytes} are read"
            )
        return self.checked("cat-file", run_git(["cat-file", "blob", entry[1]], self.path, max_bytes=max_bytes)).stdout

    def folder(self, commit: str, path: str = "") -> Folder:
        """Measure a folder of a commit; an empty path is the root.

        Raises:
            RepositoryError: there is no such folder; the message lists those with a similar name.
        """
        if path:
            entry = self._entry(commit, path)
            if entry is None or entry[0] != "040000":
                raise RepositoryError(self._no_folder(commit, path, entry[0] if entry else None))
        listed = self._git(["ls-tree", "-r", "-l", "-z", "--end-of-options", f"{commit}:{path}"])
        sizes = [int(size) for size in re.findall(r"(?:\A|\0)100\d{3} blob [0-9a-f]+ +(\d+)\t", listed)]
        return Folder(len(sizes), sum(sizes))

    def submodules(self, commit: str) -> dict[str, str]:
        """Return the ids of the commits that a commit names as submodules, by their paths."""
        listed = self._git(["ls-tree", "-r", "-z", "--end-of-options", commit])
        return {path: found for found, path in re.findall(r"(?:\A|\0)160000 commit ([0-9a-f]+)\t([^\0]+)", listed)}

    def _find(self, ref: str) -> tuple[str, str]:
        """Return the full name, or the commit id, that a text stands for, and the commit."""
        meant = meanings(ref)
        found = {name: commit for name in meant.names if (commit := self._commit_of(name))}
        if meant.commit_id and (commit := self._commit_of(ref)) and not found:
            found[commit] = commit
        if len(set(found.values())) > 1:
            told = ", ".join(f"{name} ({commit[:12]})" for name, commit in found.items())
            raise RepositoryError(f"{self.url}: {ref!r} means more than one commit: {told}; write the whole name")
        if not found:
            self._require_objects(meant.names)
            raise RepositoryError(self._unknown(ref, meant.pull_request))
        return next(iter(found.items()))

    def _commit_of(self, name: str) -> str | None:
        done = self._run(["rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}"])
        return done.text.strip() if done.exit_code == 0 else None

    def _require_objects(self, names: Sequence[str]) -> None:
        for name in names:
            held = self._run(["rev-parse", "--verify", "--end-of-options", name])
            if held.exit_code == 0 and self._run(["cat-file", "-e", held.text.strip()]).exit_code != 0:
                raise self._damaged(f"the object of {name} is missing")

    def _unknown(self, ref: str, number: int | None) -> str:
        if number is not None and ref[0] in "#!":
            kinds = " or ".join(pull_request_names(number)[:2])
            return f"{self.url} shows no pull or merge request {number} (no {kinds})"
        if re.fullmatch(r"[0-9a-f]{4,40}", ref):
            ids = self._run(["rev-parse", f"--disambiguate={ref}"]).text.split()
            if len(ids) > 1:
                return f"{self.url}: {len(ids)} objects have an id that begins with {ref}; write more of it"
        listed = self._git(["for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags"])
        names = [short_name(name) for name in listed.split()]
        near = difflib.get_close_matches(ref, names, n=5, cutoff=0.4) or names[:5]
        hint = f"near it: {', '.join(near)}" if near else "the repository has no branch and no tag"
        return f"{self.url} has no branch, tag or commit {ref!r}; {hint}"

    def _entry(self, commit: str, path: str) -> tuple[str, str] | None:
        """Return the mode and the id of what is at a path."""
        listed = self._git(["--literal-pathspecs", "ls-tree", "-z", "--full-tree", "--end-of-options", commit, path])
        for mode, found, name in re.findall(r"(\d{6}) \w+ ([0-9a-f]+)\t([^\0]+)\0", listed):
            if name == path:
                return mode, found
        return None

    def _no_folder(self, commit: str, path: str, mode: str | None) -> str:
        where = f"{self.url} at {commit[:12]}"
        if mode is not None:
            what = {"120000": "a symbolic link", "160000": "a submodule"}.get(mode, "a file")
            return f"{path} of {where} is {what}, not a folder"
        folders = self._git(["ls-tree", "-r", "-d", "-z", "--name-only", commit]).split("\0")[:20_000]
        inside = next((name for name in self.submodules(commit) if PurePosixPath(path).is_relative_to(name)), None)
        if inside is not None:
            return f"{path} of {where} is inside the submodule {inside}: ask for the task with submodules"
        near = [*difflib.get_close_matches(path, folders, n=5, cutoff=0.5)]
        near += [name for name in folders if name.rpartition("/")[2] == path.rpartition("/")[2]][:5]
        hint = f"near it: {', '.join(dict.fromkeys(near))}" if near else "no folder has a name like it"
        return f"{where} has no folder {path!r}; {hint}"

    def _commits(self, arguments: Sequence[str]) -> list[Commit]:
        log = self._git(
            ["log", "-z", "--no-show-signature", "--no-color", "--format=%H%x00%P%x00%aI%x00%an%x00%s", *arguments]
        )
        fields = log.split("\0")
        rows = (fields[at : at + 5] for at in range(0, len(fields) - 4, 5))
        return [
            Commit(id_, tuple(parents.split()), _instant(at), author, subject)
            for id_, parents, at, author, subject in rows
        ]

    def _git(self, arguments: Sequence[str]) -> str:
        return self.checked(arguments[0], self._run(arguments)).text

    def _run(self, arguments: Sequence[str]) -> GitResult:
        done = run_git(arguments, self.path)
        self.notice(done)
        return done

    def checked(self, command: str, done: GitResult) -> GitResult:
        """Return what a git command on the mirror gave, or raise what it failed with."""
        self.notice(done)
        if done.exit_code != 0:
            raise failure(command, self.url, done.stderr)
        return done

    def notice(self, done: GitResult) -> None:
        """Raise, and make a note for the next task, when git said that objects are missing or unreadable."""
        if DAMAGE.search(done.stderr):
            raise self._damaged(done.stderr[-300:])

    def _damaged(self, how: str) -> RepositoryUnavailable:
        Marks(self.path).mark_damaged()
        return RepositoryUnavailable(
            f"the mirror of {self.url} is damaged ({how}); the next task makes it anew: try again"
        )


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat("1970-01-01T00:00:00+00:00")  # a date that no calendar has
