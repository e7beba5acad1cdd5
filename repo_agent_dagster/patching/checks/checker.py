"""What the engine asks of a check, and the ways in which one can fail to say anything."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.patching.checks.findings import Finding

Overlay = Mapping[str, bytes | None]
"""Files as they shall be seen in place of what is on the disk; None: as if it were not there."""

NOTHING: Overlay = MappingProxyType({})


class CheckUnusable(PermanentFault):
    """The check can say nothing about this workspace, however often it runs: a tool or a configuration is missing."""


class CheckWithoutVerdict(TransientFault):
    """The check ran and ended without a verdict: it took too long, or crashed. Never counted as well."""


class Checker(Protocol):
    """Tells what is wrong with a workspace. It must leave the workspace as it is."""

    @property
    def name(self) -> str:
        """What people and events call it."""

    def check(self, root: Path, overlay: Overlay = NOTHING, *, changed: Collection[str] = ()) -> Sequence[Finding]:
        """Return all findings, those that were there before any patch too.

        `overlay` is seen in place of the disk, which is neither written nor needed for these files. `changed` names the
        files that the batch changes, for checks that look at nothing else.

        Raises:
            CheckUnusable: its tool or its configuration is missing.
            CheckWithoutVerdict: it took too long or crashed.
            TransientFault: where it should run, nothing can be run now.
        """

    def close(self) -> None:
        """Let go of what runs for it; it may be used again after."""
