"""Pages of GitHub's listings that were read before, so that one that has not changed costs no request of the limit."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class KnownPage:
    """A page as GitHub gave it, and the ETag by which it knows it again."""

    etag: str
    data: Any


@dataclass(frozen=True)
class KnownPages:
    """Pages in a folder, one file each; safe to lose. A file that is damaged is a page that is not known."""

    folder: Path

    def get(self, address: str) -> KnownPage | None:
        """Return the page of an address (with its query), or None."""
        try:
            packed = self._path(address).read_bytes()
            told = json.loads(zstandard.ZstdDecompressor().decompress(packed, max_output_size=_MOST_BYTES))
            return KnownPage(told["etag"], told["data"]) if told["address"] == address else None
        except (OSError, ValueError, LookupError, TypeError, zstandard.ZstdError):
            return None

    def put(self, address: str, page: KnownPage) -> None:
        """Remember a page."""
        path = self._path(address)
        path.parent.mkdir(parents=True, exist_ok=True)
        told = json.dumps({"address": address, "etag": page.etag, "data": page.data}).encode()
        draft = path.with_suffix(f".{hashlib.sha256(told).hexdigest()[:8]}.draft")
        draft.write_bytes(zstandard.ZstdCompressor().compress(told))
        draft.replace(path)

    def _path(self, address: str) -> Path:
        return self.folder / f"{hashlib.sha256(address.encode()).hexdigest()[:32]}.page"
