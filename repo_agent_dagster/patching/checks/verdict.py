"""What becomes of a batch whose check found something: the error that tells it, and the patch that brought it."""

from collections.abc import Sequence
from dataclasses import dataclass

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.patching.checks.findings import Finding


@dataclass(frozen=True, slots=True)
class Guilty:
    """The patch with which a new finding appeared: its place in the batch (from 0), its file, operation and id."""

    index: int
    file: str
    op: str
    patch_id: str = ""

    def __str__(self) -> str:
        return f"patches[{self.index}] ({self.op} on {self.file}, id {self.patch_id})"


class CheckFailed(PermanentFault):
    """The batch added findings, so it was reverted, byte for byte.

    `findings` are the added ones; `guilty` is the patch that brought the first of them, None where it was not found.
    """

    def __init__(self, message: str, findings: Sequence[Finding], guilty: Guilty | None = None) -> None:
        super().__init__(message)
        self.findings = tuple(findings)
        self.guilty = guilty
