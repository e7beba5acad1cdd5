"""How an inventory writes sizes, versions and counts."""

from repo_agent_dagster.migration.inventory.model import Package


def size_of(count: int) -> str:
    """Return a number of bytes for people, e.g. ``812 B``, ``3.4 kB`` or ``12.0 MB``; a kB is 1,000 bytes."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def versions_of(package: Package) -> str:
    """Return what is known of a package's version: the range asked for, and what the lock file pins."""
    wanted, locked = ", ".join(package.wanted), ", ".join(package.locked)
    if wanted and locked and wanted != locked:
        return f"{wanted} → {locked}"
    return locked or wanted or "not given"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun, e.g. ``1 file`` and ``2 files``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
