"""What making reports comes to, and what may stand in its way."""

from dataclasses import dataclass
from pathlib import Path

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.contracts.reports import DeliveryReport


class UnknownOrderError(PermanentFault):
    """There is nothing to report on."""


class PageUnwritableError(PermanentFault):
    """The report is stored; its page cannot be written."""


class BusyOrderError(TransientFault):
    """Other writers published this order's report again and again while this one tried."""


@dataclass(frozen=True)
class ReportVersion:
    """An order's current report. `is_new`: this call made the version; otherwise nothing had changed.

    `problem`: why its page could not be written; None if it is there.
    """

    order_id: str
    version: int
    html_path: Path
    is_new: bool
    problem: str | None


@dataclass(frozen=True)
class GeneratedReport(ReportVersion):
    """The same with all that the report says."""

    report: DeliveryReport


@dataclass(frozen=True)
class GeneratedReports:
    """What bringing reports up to date came to, over `orders` orders.

    `made` are the new versions, `read` is how many orders were read, `mended` how many pages that were missing.
    `problems` name the orders whose report could not be made, each with what was wrong.
    """

    orders: int
    made: tuple[ReportVersion, ...]
    read: int
    mended: int
    problems: tuple[str, ...]
    seconds: float

    @property
    def unchanged(self) -> int:
        """How many orders got no new version."""
        return self.orders - len(self.made)
