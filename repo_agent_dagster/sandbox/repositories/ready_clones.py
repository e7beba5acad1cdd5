"""A clone ready for a sandbox: the `.git` folder of one commit as a tar, made once and kept beside the mirror.

It holds the objects that the commit leads to and the tags on its way, an index of them, and a configuration of our
own. So a sandbox has nothing to do but unpack it and check the files out.
"""

import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from repo_agent_dagster.sandbox.repositories.faults import RepositoryError
from repo_agent_dagster.sandbox.repositories.git import failure, git, run_git
from repo_agent_dagster.sandbox.repositories.history import Mirror
from repo_agent_dagster.sandbox.repositories.locks import exclusive
from repo_agent_dagster.sandbox.repositories.marks import Marks

BRANCH = "work"
"""The branch that a clone has its commit on."""
_KEPT = 8
_KEPT_BYTES = 512 << 20
"""Clones that are kept of one mirror: of the commits that were asked for last, and of the very last one in any case."""
_MOST_TAGS = 5000
_PACK_SECONDS = 900.0
_FORMAT = "1"  # changes when what is in the tar changes

# No hooks, no file system monitor, no transport and no filter: what the repository brings runs nothing by itself.
_CONFIG = """\
[core]
\trepositoryformatversion = {version}
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
\thooksPath = /dev/null
\tfsmonitor = false
[protocol]
\tallow = never
[submodule]
\trecurse = false
[gc]
\tauto = 0
[advice]
\tdetachedHead = false
[user]
\tname = repo-agent
\temail = repo-agent@localhost
"""


def ready_clone(mirror: Mirror, commit: str, *, depth: int | None = None) -> Path:
    """Return a tar with the folder `.git` of a commit and its history (all, or the last `depth` commits).

    Raises:
        RepositoryError: the mirror lacks the commit.
        RepositoryUnavailable: the mirror is damaged, or another task makes clones of it for long.
    """
    if not mirror.has(commit):
        raise RepositoryError(f"the mirror of {mirror.url} has no commit {commit}")
    tags = _tags(mirror, commit)
    key = hashlib.sha256(repr((_FORMAT, commit, depth, sorted(tags.items()))).encode()).hexdigest()[:24]
    folder = Marks(mirror.path).kept_clones
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{key}.tar"
    if not path.is_file():
        lock = mirror.path.parent / ".locks" / f"{mirror.path.stem}.clone"
        with exclusive(lock, doing=f"packing {mirror.url}", seconds=_PACK_SECONDS):
            if not path.is_file():
                _make(mirror, commit, depth, tags, path)
                _forget_old(folder)
    os.utime(path)
    return path


def _tags(mirror: Mirror, commit: str) -> dict[str, str]:
    """Return the objects of the tags that the commit or its ancestors have: what `git describe` goes by."""
    listed = git(
        ["for-each-ref", f"--merged={commit}", "--sort=-creatordate", f"--count={_MOST_TAGS}",
         "--format=%(objectname) %(refname)", "refs/tags"], mirror.path, of=mirror.url,
    )  # fmt: skip
    return {name: found for found, _, name in (line.partition(" ") for line in listed.splitlines())}


def _make(mirror: Mirror, commit: str, depth: int | None, tags: Mapping[str, str], path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=f"{path.stem}.", suffix=".part", dir=path.parent) as name:
        folder = Path(name)
        shallow: list[str] = []
        if depth is not None:
            commits, shallow = _last_commits(mirror, commit, depth)
            tags = _tags_among(mirror, tags, commits)
        _pack(mirror, [commit, *tags.values()], shallow, depth, folder)
        part = folder / "clone.tar"
        with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as archive:
            _write(archive, _files(mirror, commit, tags, shallow))
            for pack in sorted(folder.glob("pack-*")):
                archive.add(pack, f".git/objects/pack/{pack.name}", recursive=False)
        part.rename(path)


def _files(mirror: Mirror, commit: str, tags: Mapping[str, str], shallow: list[str]) -> dict[str, str]:
    sha256 = git(["rev-parse", "--show-object-format"], mirror.path).strip() == "sha256"
    config = _CONFIG.format(version=1 if sha256 else 0) + ("[extensions]\n\tobjectFormat = sha256\n" if sha256 else "")
    refs = {f"refs/heads/{BRANCH}": commit, **tags}
    return {
        ".git/HEAD": f"ref: refs/heads/{BRANCH}\n",
        ".git/config": config,
        ".git/packed-refs": "".join(f"{found} {name}\n" for name, found in sorted(refs.items())),
        **({".git/shallow": "".join(f"{line}\n" for line in shallow)} if shallow else {}),
    }


def _write(archive: tarfile.TarFile, files: Mapping[str, str]) -> None:
    for name in (".git", ".git/info", ".git/objects", ".git/objects/info", ".git/objects/pack", ".git/refs",
                 ".git/refs/heads", ".git/refs/tags"):  # fmt: skip
        folder = tarfile.TarInfo(name)
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(folder)
    for name, text in files.items():
        entry = tarfile.TarInfo(name)
        entry.size = len(text.encode())
        archive.addfile(entry, io.BytesIO(text.encode()))


def _pack(mirror: Mirror, wanted: list[str], shallow: list[str], depth: int | None, folder: Path) -> None:
    with tempfile.TemporaryFile() as tips:
        if depth is None:
            tips.write("".join(f"{found}\n" for found in wanted).encode())
        else:
            listing = ["rev-list", "--objects", "--no-object-names", f"--max-count={depth}", wanted[0]]
            tips.write(git(listing, mirror.path, of=mirror.url).encode())
            tips.write("".join(f"{found}\n" for found in wanted[1:]).encode())
        tips.seek(0)
        # Deltas are taken as the mirror has them, and no others looked for: that would cost more than it saves.
        how = ["--revs"] if depth is None else []
        done = run_git(
            ["pack-objects", "--quiet", "--delta-base-offset", "--window=0", *how, str(folder / "pack")],
            mirror.path, stdin=tips, timeout_seconds=_PACK_SECONDS,
        )  # fmt: skip
    if done.exit_code != 0:
        mirror.notice(done)
        raise failure("pack-objects", mirror.url, done.stderr)


def _last_commits(mirror: Mirror, commit: str, depth: int) -> tuple[set[str], list[str]]:
    """Return the last commits, and those of them whose parents are left out: what git calls shallow."""
    lines = git(["rev-list", "--parents", f"--max-count={depth}", commit], mirror.path, of=mirror.url).splitlines()
    commits = {line.split()[0] for line in lines}
    return commits, [line.split()[0] for line in lines if any(parent not in commits for parent in line.split()[1:])]


def _tags_among(mirror: Mirror, tags: Mapping[str, str], commits: set[str]) -> dict[str, str]:
    listed = git(["for-each-ref", "--format=%(objectname) %(*objectname) %(refname)", "refs/tags"], mirror.path)
    meant = {name: (peeled or found) for found, peeled, name in (line.split(" ", 2) for line in listed.splitlines())}
    return {name: found for name, found in tags.items() if meant.get(name) in commits}


def _forget_old(folder: Path) -> None:
    room = _KEPT_BYTES
    clones = sorted(
        ((path.stat(), path) for path in folder.glob("*.tar")), key=lambda one: one[0].st_mtime, reverse=True
    )
    for number, (state, path) in enumerate(clones):
        room -= state.st_size
        if number and (number >= _KEPT or room < 0):
            path.unlink(missing_ok=True)
