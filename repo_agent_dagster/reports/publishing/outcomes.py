"""What came of publishing, and the two ways in which a document does not get to a target."""

from dataclasses import dataclass, field
from datetime import datetime

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.reports.publishing.targets import Target
from repo_agent_dagster.store.report_targets import Document


class Refused(PermanentFault):
    """A target will not take this version until somebody changes something."""


class NotNow(TransientFault):
    """A target does not take it now; `retry_at` is from when on it may, where that was told (UTC).

    `may_be_done`: no answer came, and what was asked may have been carried out.
    """

    def __init__(self, message: str, retry_at: datetime | None = None, *, may_be_done: bool = False) -> None:
        super().__init__(message)
        self.retry_at = retry_at
        self.may_be_done = may_be_done


class Unsettled(TransientFault):
    """An earlier attempt may have been carried out, and what is there cannot show it yet: nothing was tried."""


class ChannelClosed(NotNow):
    """Nothing of this kind can be published now, whatever the document: all of it waits, and nothing more is tried."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a document stands now; `remote_id` is what it is edited by. `note` tells of something to be mended."""

    place: str
    remote_id: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """A version that got to a target."""

    document: Document
    version: int
    target: Target
    place: str

    @property
    def report_id(self) -> str:
        """The document's name: ``order 42`` or ``week 2026-W10``."""
        return self.document.key


@dataclass(slots=True)
class PublishingResult:
    """What one call did. `waiting` deliveries are tried again, `refused` ones are not; `problems` are sentences."""

    done: list[Published] = field(default_factory=list)
    waiting: int = 0
    refused: int = 0
    problems: list[str] = field(default_factory=list)
    is_busy: bool = False

    def tell(self, problem: str) -> None:
        """Add a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)
