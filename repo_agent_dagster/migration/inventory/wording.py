"""How an inventory writes sizes, versions and counts."""

from collections.abc import Sequence

from repo_agent_dagster.migration.inventory.model import Package
from repo_agent_dagster.pages.wording import plural

__all__ = ["plural", "size_of", "version_text", "versions_of"]


def size_of(count: int) -> str:
    """Return a number of bytes for people, e.g. ``812 B``, ``3.4 kB`` or ``12.0 MB``; a kB is 1,000 bytes."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def versions_of(package: Package) -> str:
    """Return what is known of a package's version: the range asked for, and what the lock file pins."""
    return version_text(package.wanted, package.locked) or "not given"


def version_text(wanted: Sequence[str], locked: Sequence[str]) -> str:
    """Return ranges and pinned versions in one text; empty where neither is known."""
    asked, pinned = ", ".join(wanted), ", ".join(locked)
    return f"{asked} → {pinned}" if asked and pinned and asked != pinned else pinned or asked
