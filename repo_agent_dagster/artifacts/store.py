"""The artifact store: bytes under keys, in a local folder by default, in S3, R2, GCS or Azure by URL (obstore)."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.contracts.outcomes import KeptArtifact

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_KEY = re.compile(r"[A-Za-z0-9@%+=_,~-][A-Za-z0-9@%+=_,~.-]*(?:/[A-Za-z0-9@%+=_,~-][A-Za-z0-9@%+=_,~.-]*)*")
_KEY_LENGTH = 900
# Of a listing obstore tells "no permission" and "no such bucket" in words only, not by the exception's class.
_REFUSAL = re.compile(r"status code: (?:3\d\d|4(?!08|29)\d\d)\b")
_LISTED_AT_A_TIME = 1000
_STREAMED_AT_A_TIME = 256 * 1024


class ArtifactError(PermanentFault):
    """An artifact cannot be kept or found: a malformed key or URL, no such object, no permission."""


class ArtifactUnavailable(TransientFault):
    """The artifact store does not answer now; a retry may succeed."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as the store lists it. `etag` is the store's word for its state, where it has one."""

    key: str
    bytes: int
    etag: str | None
    modified_at: datetime


class ArtifactStore:
    """Objects under keys. `root` is a folder, or a URL such as ``s3://bucket/prefix`` or ``gs://bucket/prefix``.

    Credentials of object stores come from the environment, by the names of their own tools. `retries` is how often a
    request is made again; by default 10 times within three minutes.
    """

    def __init__(
        self, root: Path | str, *, options: Mapping[str, str] | None = None, retries: int | None = None
    ) -> None:
        self._root = str(root)
        self._folder = None if "://" in self._root else Path(self._root).absolute()
        self._options = dict(options or {})
        self._retries = retries
        self._opened: ObjectStore | None = None

    @property
    def folder(self) -> Path | None:
        """The local folder; None for an object store."""
        return self._folder

    def put(self, key: str, data: bytes | Path) -> KeptArtifact:
        """Keep the bytes, or a file's content, under the key; what was there is replaced whole.

        Raises:
            ArtifactError: the key is malformed, or the store refuses it.
            ArtifactUnavailable: the store does not answer.
        """
        import obstore

        _check(key)
        digest, size = _measured(data)
        with self._errors(f"keeping {key}"):
            obstore.put(self._store(), key, data)
        return KeptArtifact(name=key.rpartition("/")[2], key=key, url=self.url(key), bytes=size, sha256=digest)

    def get(self, key: str) -> bytes:
        """Return what is under the key.

        Raises:
            ArtifactError: there is nothing.
            ArtifactUnavailable: the store does not answer.
        """
        import obstore

        _check(key)
        with self._errors(f"reading {key}"):
            return bytes(obstore.get(self._store(), key).bytes())

    def exists(self, key: str) -> bool:
        """Whether there is something under the key."""
        import obstore

        _check(key)
        try:
            with self._errors(f"looking for {key}"):
                obstore.head(self._store(), key)
        except ArtifactError:
            return False
        return True

    def listing(self, prefix: str) -> list[str]:
        """Return the keys below a prefix such as ``tasks/<id>``, sorted."""
        import obstore

        with self._errors(f"listing {prefix}"):
            return sorted(str(meta["path"]) for batch in obstore.list(self._store(), prefix) for meta in batch)

    def objects(self) -> Iterator[StoredObject]:
        """Yield every object of the store, in no order; also those whose keys are none that `put` would take.

        Raises:
            ArtifactError: the store is not there, or refuses it.
            ArtifactUnavailable: the store does not answer.
        """
        import obstore

        doing = f"listing {self.root}"
        with self._errors(doing):
            batches = iter(obstore.list(self._store(), chunk_size=_LISTED_AT_A_TIME))
        while True:
            with self._errors(doing):
                batch = next(batches, None)
            if batch is None:
                return
            for meta in batch:
                yield StoredObject(str(meta["path"]), meta["size"], meta["e_tag"], meta["last_modified"])

    def stream(self, key: str) -> Iterator[bytes]:
        """Yield an object's bytes as they come, in pieces of some 100 KiB to 10 MiB.

        Raises:
            ArtifactError: there is nothing.
            ArtifactUnavailable: the store does not answer, or no longer.
        """
        import obstore

        doing = f"reading {key} of {self.root}"
        with self._errors(doing):
            pieces = iter(obstore.get(self._store(), key).stream(min_chunk_size=_STREAMED_AT_A_TIME))
        while True:
            with self._errors(doing):
                piece = next(pieces, None)
            if piece is None:
                return
            yield bytes(piece)

    @property
    def root(self) -> str:
        """The folder, or the URL without credentials and query."""
        if self._folder is not None:
            return str(self._folder)
        parts = urlsplit(self._root)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    def url(self, key: str) -> str:
        """Return where the object is, without credentials; nobody is let in by it."""
        _check(key)
        if self._folder is not None:
            return (self._folder / key).as_uri()
        parts = urlsplit(self._root)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, f"{parts.path.rstrip('/')}/{key}", "", ""))

    def sign(self, key: str, *, lifetime: timedelta) -> str:
        """Return the object store's own presigned URL: this object, GET only, until its lifetime is over.

        Raises:
            ArtifactError: the store is a folder (`serving.SignedServer` serves one), or has no credentials to sign by.
        """
        import obstore

        _check(key)
        if self._folder is not None:
            raise ArtifactError(f"{self._folder} is a folder: nobody but this machine's own server can sign for it")
        with self._errors(f"signing a URL for {key}"):
            return str(obstore.sign(self._store(), "GET", key, lifetime))  # type: ignore[call-overload]

    def _store(self) -> "ObjectStore":
        if self._opened is None:
            from obstore.store import LocalStore, from_url

            with self._errors(f"opening {self.url('-').removesuffix('-')}"):
                if self._folder is not None:
                    self._opened = LocalStore(self._folder, mkdir=True)
                else:
                    retrying = {} if self._retries is None else {"retry_config": {"max_retries": self._retries}}
                    self._opened = from_url(self._root, config=self._options, **retrying)  # type: ignore[call-overload]
        return self._opened

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        from obstore.exceptions import BaseError, GenericError

        try:
            yield
        except FileNotFoundError as error:
            raise ArtifactError(f"{doing}: the artifact store has none ({_told(error)})") from error
        except GenericError as error:  # what its own retries did not get over
            if _REFUSAL.search(str(error)):
                raise ArtifactError(f"{doing}: the artifact store refuses it: {_told(error)}") from error
            raise ArtifactUnavailable(f"{doing}: the artifact store does not answer: {_told(error)}") from error
        except (BaseError, OSError, ValueError) as error:
            raise ArtifactError(f"{doing}: the artifact store refuses it: {_told(error)}") from error


class TaskArtifacts:
    """The artifacts of one task: names under ``tasks/<task id>``."""

    def __init__(self, store: ArtifactStore, task_id: str) -> None:
        self.store = store
        self._prefix = f"tasks/{task_id}"
        self.kept: list[KeptArtifact] = []

    def put(self, name: str, data: bytes | Path) -> KeptArtifact:
        """Keep a file under a name of this task, such as ``junit-before.xml``; the same name replaces."""
        kept = self.store.put(f"{self._prefix}/{name}", data).model_copy(update={"name": name})
        self.kept = [*(one for one in self.kept if one.name != name), kept]
        return kept

    def get(self, name: str) -> bytes:
        """Return a file of this task."""
        return self.store.get(f"{self._prefix}/{name}")


def _told(error: Exception) -> str:
    """Return what obstore says, without the dump of its inner state."""
    return str(error).partition("\n\nDebug source")[0]


def _check(key: str) -> None:
    if len(key) > _KEY_LENGTH or not _KEY.fullmatch(key):
        raise ArtifactError(
            f"{key!r} is no key of the artifact store: use letters, digits and -_.~=+,@% in parts separated by /"
        )


def _measured(data: bytes | Path) -> tuple[str, int]:
    if isinstance(data, bytes):
        return hashlib.sha256(data).hexdigest(), len(data)
    with data.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return digest, data.stat().st_size
