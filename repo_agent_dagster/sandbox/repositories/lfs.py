"""Git LFS files of a commit: fetched on the host, checked, and put into a clone in the place of their pointers.

The protocol is git-lfs's batch API (https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md), downloads with
the basic transfer alone. A `.lfsconfig` is not followed: a repository has no say over whom this host asks.
"""

import hashlib
import re
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
from pydantic import BaseModel, Field, NonNegativeInt, ValidationError

from repo_agent_dagster.sandbox.repositories.faults import RepositoryError, RepositoryUnavailable
from repo_agent_dagster.sandbox.repositories.history import Mirror
from repo_agent_dagster.sandbox.repositories.marks import Marks
from repo_agent_dagster.sandbox.repositories.reading import blobs, files_at
from repo_agent_dagster.sandbox.repositories.urls import Credentials

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

MOST_BYTES = 1 << 30
"""LFS files of one commit, in all."""
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-[^\n]*\n)*oid sha256:([0-9a-f]{64})\nsize (\d{1,15})\n"
)
_POINTER_BYTES = range(100, 1025)
_ATTRIBUTES_BYTES = 1 << 20
_IN_ONE_REQUEST = 100
_ANSWER_BYTES = 4 << 20
_MEDIA_TYPE = "application/vnd.git-lfs+json"
_TIMEOUT = httpx2.Timeout(60.0, connect=20.0)


@dataclass(frozen=True)
class LfsFile:
    """A file of a commit that is kept in LFS: its path, its content's SHA-256, its size in bytes, and its mode."""

    path: str
    oid: str
    size: int
    executable: bool = False


class _Action(BaseModel):
    href: str
    header: dict[str, str] = Field(default_factory=dict)


class _Object(BaseModel):
    oid: str
    size: NonNegativeInt
    actions: dict[str, _Action] = Field(default_factory=dict)
    error: dict[str, Any] | None = None


class _Batch(BaseModel):
    objects: list[_Object]


def lfs_files(mirror: Mirror, commit: str) -> list[LfsFile]:
    """Return the files of a commit that are LFS pointers; none where no `.gitattributes` sends files to LFS."""
    files = files_at(mirror, commit)
    rules = [
        file.id
        for path, file in files.items()
        if path.rpartition("/")[2] == ".gitattributes" and file.bytes < _ATTRIBUTES_BYTES
    ]
    if not any(b"filter=lfs" in rule for rule in blobs(mirror, rules).values()):
        return []
    small = {path: file.id for path, file in files.items() if file.bytes in _POINTER_BYTES and not file.link}
    texts = blobs(mirror, sorted(set(small.values())))
    pointers = {path: _POINTER.fullmatch(texts[found]) for path, found in small.items()}
    return [
        LfsFile(path, held[1].decode(), int(held[2]), files[path].executable)
        for path, held in sorted(pointers.items())
        if held
    ]


def fetch_lfs(mirror: Mirror, files: Sequence[LfsFile], credentials: Credentials | None) -> dict[str, Path]:
    """Return where the contents lie on this host, by SHA-256; what the mirror has not yet is downloaded and checked.

    Raises:
        RepositoryError: the repository's protocol is not https, the files are over `MOST_BYTES`, or the server has
            not got one, refuses this host, or gives something else.
        RepositoryUnavailable: the server or the network failed; a retry may succeed.
    """
    if sum({file.oid: file.size for file in files}.values()) > MOST_BYTES:
        raise RepositoryError(f"the LFS files of {mirror.url} have over {MOST_BYTES >> 20} MiB; do without lfs")
    folder = Marks(mirror.path).folder / "lfs"
    folder.mkdir(parents=True, exist_ok=True)
    missing = {file.oid: file.size for file in files if not (folder / file.oid).is_file()}
    if missing:
        if mirror.source.protocol not in ("https", "http"):
            raise RepositoryError(f"LFS files are fetched by https alone, and {mirror.url} is not; do without lfs")
        with httpx2.Client(timeout=_TIMEOUT) as client:
            oids = sorted(missing)
            for at in range(0, len(oids), _IN_ONE_REQUEST):
                wanted = {oid: missing[oid] for oid in oids[at : at + _IN_ONE_REQUEST]}
                for oid, action in _ask(client, mirror, wanted, credentials).items():
                    _download(client, mirror, action, folder / oid, missing[oid])
    return {file.oid: folder / file.oid for file in files}


def put_lfs(box: "Sandbox", files: Sequence[LfsFile], contents: Mapping[str, Path], target: str) -> None:
    """Put the contents in the place of their pointers in the clone at `target`; git there takes them for unchanged.

    Raises:
        SandboxFileError: they do not fit into the sandbox.
        RepositoryError: git inside does not know one of the paths.
    """
    with tempfile.TemporaryFile() as spool:
        with tarfile.open(fileobj=spool, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for file in files:
                entry = tarfile.TarInfo(file.path)
                entry.size, entry.mode = file.size, 0o755 if file.executable else 0o644
                with contents[file.oid].open("rb") as content:
                    archive.addfile(entry, content)
        spool.seek(0)
        box.unpack(spool, target)
    box.put({"paths": b"".join(f"{file.path}\0".encode() for file in files)}, "/tmp/repo-agent-lfs")  # noqa: S108
    done = box.exec(
        "git update-index --skip-worktree -z --stdin < /tmp/repo-agent-lfs/paths; code=$?; "
        "rm -r /tmp/repo-agent-lfs; exit $code",
        cwd=target,
    )
    if not done.ok:
        raise RepositoryError(f"cannot mark the LFS files in the sandbox: {done.output[-1000:].strip()}")


def _ask(
    client: httpx2.Client, mirror: Mirror, wanted: Mapping[str, int], credentials: Credentials | None
) -> dict[str, _Action]:
    base = mirror.source.location.rstrip("/")
    url = f"{base.removesuffix('.git')}.git/info/lfs/objects/batch"
    body = {
        "operation": "download",
        "transfers": ["basic"],
        "objects": [{"oid": oid, "size": size} for oid, size in wanted.items()],
        "hash_algo": "sha256",
    }
    auth = httpx2.BasicAuth(credentials.username, credentials.password or "") if credentials else None
    headers = {"Accept": _MEDIA_TYPE, "Content-Type": _MEDIA_TYPE}
    said = b""
    try:
        with client.stream("POST", url, json=body, headers=headers, auth=auth or httpx2.USE_CLIENT_DEFAULT) as answer:
            _require_ok(mirror, answer.status_code)
            for chunk in answer.iter_bytes():
                said += chunk
                if len(said) > _ANSWER_BYTES:
                    break
    except httpx2.HTTPError as error:
        raise RepositoryUnavailable(f"the LFS server of {mirror.url} does not answer ({error}); try again") from error
    try:
        batch = _Batch.model_validate_json(said)
    except ValidationError as error:
        raise RepositoryError(f"the LFS server of {mirror.url} gives no answer of the batch API: {error}") from error
    actions = {found.oid: found.actions["download"] for found in batch.objects if "download" in found.actions}
    absent = sorted(set(wanted) - set(actions))
    if absent:
        raise RepositoryError(f"the LFS server of {mirror.url} has not got {absent[0]} ({len(absent)} missing in all)")
    return {oid: actions[oid] for oid in wanted}


def _download(client: httpx2.Client, mirror: Mirror, action: _Action, path: Path, size: int) -> None:
    if not action.href.startswith((f"{mirror.source.protocol}://", "https://")):
        raise RepositoryError(f"the LFS server of {mirror.url} leads to {action.href[:20]!r}…, which is not https")
    digest, got = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part") as part:
        try:
            with client.stream("GET", action.href, headers=action.header) as answer:
                _require_ok(mirror, answer.status_code)
                for chunk in answer.iter_bytes():
                    got += len(chunk)
                    if got > size:
                        break
                    digest.update(chunk)
                    part.write(chunk)
        except httpx2.HTTPError as error:
            raise RepositoryUnavailable(f"an LFS file of {mirror.url} did not arrive ({error}); try again") from error
        if got != size or digest.hexdigest() != path.name:
            raise RepositoryError(f"the LFS server of {mirror.url} gives another content for {path.name}")
        part.flush()
        with suppress(FileExistsError):  # another task was quicker, with the same content
            path.hardlink_to(part.name)


def _require_ok(mirror: Mirror, status: int) -> None:
    if status in (401, 403):
        raise RepositoryError(f"the LFS server of {mirror.url} refuses this host ({status}): check its credentials")
    if status == 429 or status >= 500:
        raise RepositoryUnavailable(f"the LFS server of {mirror.url} answers {status}; try again")
    if status != 200:
        raise RepositoryError(f"the LFS server of {mirror.url} answers {status}; has the repository LFS?")
