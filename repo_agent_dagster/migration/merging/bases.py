"""The store of what the unit brought at its last migration, found by SHA-256."""

from collections.abc import Iterable
from pathlib import Path


class Bases:
    """The contents kept in a folder; made when something is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, sha256: str) -> bytes | None:
        """Return the kept content with this digest (hex); None when it is not kept, or is damaged."""
        raise NotImplementedError

    def keep(self, contents: Iterable[bytes]) -> None:
        """Keep these contents durably, in one file; what is kept already is not written again."""
        raise NotImplementedError

    def prune(self, wanted: set[str]) -> None:
        """Drop what is not wanted."""
        raise NotImplementedError
