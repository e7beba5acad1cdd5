"""`make screenshots`: take the pictures of a delivery report that the docs show, in a real browser."""

import tempfile
from datetime import date, timedelta
from pathlib import Path

from repo_agent_dagster.contracts.reports import (
    DayReport,
    DeliveryReport,
    ErrorCount,
    FactoryReport,
    OperationCount,
    PhaseReport,
)
from repo_agent_dagster.reports.html import render_html
from tests.chromium import browser
from tests.reports.sample_report import START, TYPE_ERROR, counted, patch, sample_report

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZE = (1080, 1960)
PICTURES = {"light": "delivery-report.png", "dark": "delivery-report-dark.png"}


def pictured_report() -> DeliveryReport:
    """The sample report with enough patches for its charts to show something."""
    days = [(9, 2, 0), (14, 3, 1), (11, 0, 0), (6, 1, 0), (4, 0, 1)]
    operations = [("replace-block", 30), ("insert-after", 11), ("append", 7), ("delete-lines", 4)]
    day, hour = timedelta(days=1), timedelta(hours=1)
    return sample_report(
        totals=counted(44, 6, 2, reverted=5),
        days=[DayReport(day=date(2026, 2, 27) + n * day, counts=counted(*counts)) for n, counts in enumerate(days)],
        operations=[OperationCount(op=op, patches=patches) for op, patches in operations],
        factories=[
            FactoryReport(factory="agent-a", counts=counted(26, 4, reverted=4)),
            FactoryReport(factory="agent-b", counts=counted(14, 2, reverted=1)),
            FactoryReport(factory="release-bot", counts=counted(4, 0, 2)),
        ],
        phases=[
            PhaseReport(
                phase="implement", first_at=START, last_at=START + 2 * day + hour, counts=counted(28, 4, reverted=4)
            ),
            PhaseReport(
                phase="verify",
                first_at=START + day,
                last_at=START + 3 * day + 20 * hour,
                counts=counted(12, 2, 1, reverted=1),
            ),
            PhaseReport(
                phase="release",
                first_at=START + 3 * day + 22 * hour,
                last_at=START + 4 * day + hour,
                counts=counted(4, 0, 1),
            ),
        ],
        patches=[patch(n, f"src/billing/part_{n % 5}.py", n * hour) for n in range(52)],
        errors=[ErrorCount(error=TYPE_ERROR, patches=4), ErrorCount(error="A test timed out.", patches=2)],
    )


def main() -> None:
    """Open the report's page as readers of either scheme do, and keep what they see."""
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        written = Path(folder) / "report.html"
        written.write_text(render_html(pictured_report(), version=3), encoding="utf-8")
        for scheme, name in PICTURES.items():
            page = chromium.page(width=SIZE[0], height=SIZE[1])
            page.prefer(scheme)
            page.open(written)
            page.wait("document.querySelectorAll('figure.drawn').length === 4")
            (IMAGES / name).write_bytes(page.picture())
            print(IMAGES / name)


if __name__ == "__main__":
    main()
