"""Repositories: bare mirrors on the host, and their objects in a sandbox. Credentials stay on the host."""

import difflib
import fcntl
import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.sandbox.sandbox import Sandbox

_FETCH_SECONDS = 900
_TRANSIENT = re.compile(
    r"could not resolve host|connection (refused|reset|timed out)|operation timed out|failed to connect|early eof|"
    r"temporary failure|returned error: (429|5\d\d)|remote end hung up|network is unreachable",
    re.IGNORECASE,
)
_SAFE: dict[str, str] = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "protocol.ext.allow": "never",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "advice.detachedHead": "false",
}
_INHERITED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")


class RepositoryError(PermanentFault):
    """A repository cannot be used: its URL is refused, it does not exist, or it has no such ref."""


class RepositoryUnavailable(TransientFault):
    """A repository could not be fetched now: the network or its server failed, or another fetch holds the lock."""


class Repositories:
    """The bare mirrors under one folder; `allowed_protocols` are git's names: https, ssh, http, git, file."""

    def __init__(self, mirrors_dir: Path, allowed_protocols: frozenset[str]) -> None:
        self._folder = mirrors_dir
        self._allowed = allowed_protocols

    def mirror(self, url: str) -> "Mirror":
        """Return the mirror of a repository, made or brought up to date now. Callers of one URL wait for each other.

        Raises:
            RepositoryError: the URL is malformed or of a protocol that is not allowed, or there is no repository.
            RepositoryUnavailable: the network or the server failed; a retry may succeed.
        """
        _check_url(url, self._allowed)
        self._folder.mkdir(parents=True, exist_ok=True)
        name = _mirror_name(url)
        path = self._folder / f"{name}.git"
        with _locked(self._folder / f"{name}.lock"):
            if not path.is_dir():
                self._make(url, path)
            else:
                self._fetch(url, path)
        return Mirror(url=redacted(url), path=path)

    def _make(self, url: str, path: Path) -> None:
        # Under another name until it is whole: a killed clone never leaves half a mirror.
        with tempfile.TemporaryDirectory(prefix=f"{path.stem}.", suffix=".part", dir=self._folder) as folder:
            part = Path(folder) / "mirror.git"
            _git(["init", "--quiet", "--bare", str(part)])
            self._fetch(url, part)
            part.rename(path)

    def _fetch(self, url: str, path: Path) -> None:
        # The URL goes by the environment: it may hold a token, which must get neither into a file nor into `ps`.
        remote = {"remote.origin.url": url, "remote.origin.fetch": "+refs/*:refs/*"}
        protocols = ":".join(sorted(self._allowed))
        listed = _git(["ls-remote", "--symref", "origin", "HEAD"], path, config=remote, protocols=protocols)
        _git(
            ["fetch", "--quiet", "--prune", "--no-write-fetch-head", "origin"], path, config=remote, protocols=protocols
        )
        symbolic = re.search(r"^ref: (refs/\S+)\tHEAD$", listed, re.MULTILINE)
        detached = re.search(r"^([0-9a-f]{40,64})\tHEAD$", listed, re.MULTILINE)
        if symbolic:
            _git(["symbolic-ref", "HEAD", symbolic[1]], path)
        elif detached:
            _git(["update-ref", "--no-deref", "HEAD", detached[1]], path)


@dataclass(frozen=True)
class Mirror:
    """A bare mirror on the host; `url` is without credentials."""

    url: str
    path: Path

    def resolve(self, ref: str) -> str:
        """Return the id of the commit that a branch, a tag, a commit id (also a short one) or HEAD names.

        Raises:
            RepositoryError: there is none; the message lists the refs with a similar name.
        """
        if not ref or ref.startswith("-") or re.search(r"[\s:?*\[\\^~\x00-\x1f]|\.\.|@\{", ref):
            raise RepositoryError(f"{ref!r} is no name of a branch, a tag or a commit")
        for candidate in (f"refs/heads/{ref}", f"refs/tags/{ref}", ref):
            done = _run_git(
                ["rev-parse", "--quiet", "--verify", "--end-of-options", f"{candidate}^{{commit}}"], self.path
            )
            if done.returncode == 0:
                return done.stdout.strip()
        listed = _git(["for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags"], self.path)
        names = listed.split()
        near = difflib.get_close_matches(ref, names, n=5, cutoff=0.4) or names[:5]
        hint = f"near it: {', '.join(near)}" if near else "the repository has no branch and no tag"
        raise RepositoryError(f"{self.url} has no branch, tag or commit {ref!r}; {hint}")

    def pack(self, commit: str, target: Path, *, depth: int | None = None) -> Path:
        """Write the objects of a commit and its history (all, or the last `depth` commits) as a pack to `target`."""
        limit = [] if depth is None else [f"--max-count={depth}"]
        objects = _git(["rev-list", "--objects", "--no-object-names", *limit, commit], self.path)
        with target.open("wb") as file:
            done = subprocess.run(
                ["git", "-C", str(self.path), "pack-objects", "--quiet", "--stdout", "--threads=1"],
                input=objects.encode(), stdout=file, stderr=subprocess.PIPE, env=_environment({}, ""), check=False,
            )  # fmt: skip
        if done.returncode != 0:
            raise RepositoryError(
                f"cannot pack {commit} of {self.url}: {redacted(done.stderr.decode(errors='replace'))}"
            )
        return target

    def boundary(self, commit: str, depth: int) -> list[str]:
        """Return the commits among the last `depth` whose parents are left out: what git calls shallow."""
        lines = _git(["rev-list", "--parents", f"--max-count={depth}", commit], self.path).splitlines()
        commits = {line.split()[0] for line in lines}
        return [line.split()[0] for line in lines if any(parent not in commits for parent in line.split()[1:])]


def clone_into(
    box: Sandbox, mirror: Mirror, commit: str, target: str = "/workspace/repo", *, depth: int | None = None
) -> None:
    """Make a repository at `target` in the sandbox, with the commit checked out on the branch `work`.

    The sandbox gets the objects (of the last `depth` commits, or of the whole history), its own git configuration
    with hooks off, no remote and no credentials. Git LFS files stay pointers, submodules stay empty folders.

    Raises:
        RepositoryError: git inside refuses, or the target is not empty.
        SandboxFileError: the objects do not fit into the sandbox.
    """
    with tempfile.TemporaryDirectory(prefix="repo-agent-clone-") as folder:
        content = Path(folder)
        mirror.pack(commit, content / "objects.pack", depth=depth)
        shallow = mirror.boundary(commit, depth) if depth is not None else []
        (content / "shallow").write_text("".join(f"{line}\n" for line in shallow))
        box.put(content, "/tmp/repo-agent-clone")  # noqa: S108 - the sandbox's own /tmp
    object_format = _git(["rev-parse", "--show-object-format"], mirror.path).strip()
    done = box.exec(["bash", "-euc", _CLONE, "clone", target, commit, object_format], cwd="/")
    if not done.ok:
        raise RepositoryError(
            f"cannot check {commit} of {mirror.url} out in the sandbox: {done.output[-2000:].strip()}"
        )


_CLONE = """
trap 'rm -rf /tmp/repo-agent-clone' EXIT
if [ -e "$1" ] && [ -n "$(ls -A -- "$1")" ]; then echo "$1 is not empty" >&2; exit 1; fi
git init --quiet --template= --object-format="$3" -b work -- "$1"
cd -- "$1"
git config core.hooksPath /dev/null
git config core.fsmonitor false
git config advice.detachedHead false
git config user.name repo-agent
git config user.email repo-agent@localhost
git config --global --add safe.directory "$1"
if [ -s /tmp/repo-agent-clone/shallow ]; then cp /tmp/repo-agent-clone/shallow .git/shallow; fi
mkdir -p .git/objects/pack
git index-pack --stdin < /tmp/repo-agent-clone/objects.pack > /dev/null
git reset --quiet --hard "$2"
"""


def _check_url(url: str, allowed: frozenset[str]) -> None:
    shown = redacted(url)
    if not url or url.startswith("-") or re.match(r"[A-Za-z0-9+.-]+::", url) or re.search(r"[\x00-\x20\x7f]", url):
        raise RepositoryError(
            f"{shown!r} is not taken as a repository's URL; write https://…, ssh://… or user@host:path"
        )
    protocol = _protocol(url)
    if protocol not in allowed:
        raise RepositoryError(
            f"{shown}: protocol {protocol!r} is not allowed here (allowed: {', '.join(sorted(allowed)) or 'none'}); "
            "an operator allows it in REPO_AGENT_REPO_PROTOCOLS"
        )


def _protocol(url: str) -> str:
    if "://" in url:
        scheme = url.partition("://")[0].lower()
        return {"git+ssh": "ssh", "ssh+git": "ssh"}.get(scheme, scheme)
    return "ssh" if re.match(r"[^/]+:", url) else "file"  # user@host:path, else a path on this machine


def redacted(text: str) -> str:
    """Return the text without the user and password of any URL in it."""
    return re.sub(r"(\w+://)[^/@\s'\"]+@", r"\1***@", text)


def _mirror_name(url: str) -> str:
    # Without credentials: a renewed token finds the same mirror again.
    key = re.sub(r"(\w+://)[^/@]+@", r"\1", url).removesuffix("/").removesuffix(".git")
    path = urlsplit(key).path if "://" in key else key
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", path.rpartition("/")[2]).strip("-.")[:40] or "repo"
    return f"{words}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _environment(config: Mapping[str, str], protocols: str) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in _INHERITED}
    entries = {**_SAFE, **config}
    first = int(environment.get("GIT_CONFIG_COUNT") or 0)  # after the host's own entries, so that ours win
    environment |= {
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": environment.get("GIT_ASKPASS", "true"),
        "SSH_ASKPASS": environment.get("SSH_ASKPASS", "true"),
        "GIT_SSH_COMMAND": environment.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
        "GIT_LFS_SKIP_SMUDGE": "1",
        "LC_ALL": "C",
        "GIT_CONFIG_COUNT": str(first + len(entries)),
    }
    for number, (key, value) in enumerate(entries.items(), start=first):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment


def _run_git(
    arguments: Sequence[str], folder: Path | None = None, config: Mapping[str, str] | None = None, protocols: str = ""
) -> subprocess.CompletedProcess[str]:
    where = ["-C", str(folder)] if folder is not None else []
    try:
        return subprocess.run(
            ["git", *where, *arguments],
            env=_environment(config or {}, protocols),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_FETCH_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise RepositoryError("git is not installed on this machine; install it: apt-get install git") from error
    except subprocess.TimeoutExpired as error:
        raise RepositoryUnavailable(f"git {arguments[0]} took over {_FETCH_SECONDS} s and was stopped") from error


def _git(
    arguments: Sequence[str], folder: Path | None = None, config: Mapping[str, str] | None = None, protocols: str = ""
) -> str:
    done = _run_git(arguments, folder, config, protocols)
    if done.returncode == 0:
        return done.stdout
    said = redacted(done.stderr.strip())
    what = f"git {arguments[0]} of {redacted((config or {}).get('remote.origin.url', str(folder)))} failed: {said}"
    if _TRANSIENT.search(said):
        raise RepositoryUnavailable(f"{what}. The network or the server failed; try again")
    raise RepositoryError(f"{what}. Check the URL and the host's git credentials for it")
