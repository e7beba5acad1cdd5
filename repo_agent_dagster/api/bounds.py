"""Which folders a task that comes over HTTP may name: those that this installation was set up with, no others.

Who has the token may use the system, which is less than having a shell on its machine. Workspaces need no rule here:
`apply_patches` itself takes registered ones only.
"""

from pathlib import Path

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.tasks import StagingMigrationPayload
from repo_agent_dagster.settings import Settings


class OutOfBounds(PermanentFault):
    """A task names a folder that tasks from elsewhere may not reach."""


def refuse_foreign_folders(payload: Contract, settings: Settings) -> None:
    """Let a migration read units of the STAGING folder only, and write into the target root only.

    Raises:
        OutOfBounds: it names another folder, by whatever way: relative, `..`, or a symbolic link.
    """
    if not isinstance(payload, StagingMigrationPayload):
        return
    staging, target = settings.staging.resolve(), settings.target_root.resolve()
    if staging not in _resolved("unitPath", payload.unit_path).parents:
        raise OutOfBounds(f"payload.unitPath: {payload.unit_path!r} is not inside the STAGING folder {staging}")
    if _resolved("targetRoot", payload.target_root) != target:
        raise OutOfBounds(f"payload.targetRoot: {payload.target_root!r} is not the target root {target}")


def _resolved(name: str, given: str) -> Path:
    path = Path(given)
    if not path.is_absolute():
        raise OutOfBounds(f"payload.{name}: {given!r} is relative; give an absolute path")
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links; NUL in the name
        raise OutOfBounds(f"payload.{name}: {given!r} cannot be followed: {error}") from error
