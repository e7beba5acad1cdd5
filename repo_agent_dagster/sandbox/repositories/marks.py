"""What is noted beside a mirror's objects: whose it is, when it was used, whether it is private or damaged.

A mirror is a folder `<name>.git`; what is ours in it lies in its sub-folder `repo-agent`, which git does not look at.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Marks:
    """The notes of the mirror at `mirror`."""

    mirror: Path

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.mirror / "repo-agent"

    @property
    def kept_clones(self) -> Path:
        """Where clones are kept ready for the next sandbox."""
        return self.folder / "clones"

    def used(self, url: str) -> None:
        """Note that the mirror of `url` (without credentials) is used now."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "url").write_text(url)

    @property
    def url(self) -> str:
        """Whose mirror it is; empty when it was never noted."""
        path = self.folder / "url"
        return path.read_text(errors="replace") if path.is_file() else ""

    @property
    def last_use(self) -> datetime:
        """When it was used last, in UTC."""
        path = self.folder / "url"
        seen = path if path.is_file() else self.mirror
        return datetime.fromtimestamp(seen.stat().st_mtime, UTC)

    @property
    def private(self) -> bool:
        """Whether it was ever fetched with credentials that came with a URL, and not with the host's own."""
        return (self.folder / "private").exists()

    def mark_private(self) -> None:
        """Note that it was fetched with a URL's credentials: each later task has to show its own to the server."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "private").touch()

    @property
    def damaged(self) -> bool:
        """Whether a task found objects missing or unreadable; the next task makes the mirror anew."""
        return (self.folder / "damaged").exists()

    def mark_damaged(self) -> None:
        """Note that objects are missing or unreadable."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "damaged").touch()


def mirrors_in(folder: Path) -> Iterator[Marks]:
    """Yield the whole mirrors below a folder; half-made ones have other names."""
    if folder.is_dir():
        for path in sorted(folder.glob("*.git")):
            if path.is_dir():
                yield Marks(path)


def fetch_lock(mirror: Path) -> Path:
    """Return the lock that whoever changes the mirror holds."""
    return mirror.parent / ".locks" / f"{mirror.stem}.fetch"


def use_lock(mirror: Path) -> Path:
    """Return the lock that whoever uses the mirror shares in."""
    return mirror.parent / ".locks" / f"{mirror.stem}.use"


def discard(mirror: Path) -> None:
    """Remove a mirror: at once for those who look for it by name, then its files."""
    gone = mirror.with_suffix(f".gone-{os.getpid()}.part")
    mirror.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def sweep(mirror: Path) -> None:
    """Remove what a killed process left half made or half removed of this mirror; only under its fetch lock."""
    for left in mirror.parent.glob(f"{mirror.stem}.*part"):
        shutil.rmtree(left, ignore_errors=True)
