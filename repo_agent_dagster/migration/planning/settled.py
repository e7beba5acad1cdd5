"""The short way to a plan with nothing in it: unit, manifest and destination are as the last one left them."""

from pathlib import Path

from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration.manifest.reading import manifest_digest
from repo_agent_dagster.migration.planning.destination import Destination
from repo_agent_dagster.migration.planning.lock import RULES, MigrationLock, lock_path
from repo_agent_dagster.migration.planning.model import Change, Plan
from repo_agent_dagster.migration.units.contents import UnitContents


def settled_plan(
    contents: UnitContents, target_root: Path, manifest: Manifest, lock: MigrationLock, destination: Destination
) -> Plan | None:
    """Return a plan with nothing to do, or None where it takes more than a look at digests to know that.

    A unit with a refactoring always takes more: what that comes to depends on files of other packages.
    """
    digest = manifest_digest(manifest)
    is_same = lock.source_digest == contents.digest and lock.manifest_digest == digest
    if not is_same or not lock.is_settled or lock.rules != RULES or manifest.refactor.d1_to_rpc is not None:
        return None
    changes = []
    for path, locked in lock.files.items():
        standing = destination.read(path)
        if standing.sha256 != locked.sha256 or standing.executable != locked.executable:
            return None
        changes.append(Change(path, "unchanged", standing.content, standing.content, locked.executable))
    lock_file = lock_path(manifest.destination)
    content = destination.read(lock_file).content
    changes.append(Change(lock_file, "unchanged", content, content))
    return Plan(
        unit_path=contents.unit_path,
        target_root=target_root,
        manifest=manifest,
        source_digest=contents.digest,
        manifest_digest=digest,
        changes=tuple(sorted(changes, key=lambda change: change.path)),
        stages=(),
        moved={locked.source: path for path, locked in lock.files.items()},
        locked=lock.files,
        bases=(),
        left_out=contents.left_out,
    )
