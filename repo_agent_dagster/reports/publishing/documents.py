"""The documents that are published, as they are stored, and the files that one consists of where files are kept."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from repo_agent_dagster.contracts.digests import WeeklyDigest
from repo_agent_dagster.reports.files import folder_name
from repo_agent_dagster.reports.publishing.outcomes import Refused
from repo_agent_dagster.reports.stored import stored_report
from repo_agent_dagster.store import delivery_reports, weekly_digests
from repo_agent_dagster.store.delivery_reports import StoredReport
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.report_targets import Document
from repo_agent_dagster.store.weekly_digests import StoredDigest

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

CHARTS_FOLDER = "charts"

# A digest's page leads to the pages of orders as they lie under the folder of reports.
_LINK_TO_VERSION = re.compile(r'(href="\.\./[\w-]{1,80}/)v\d{1,9}\.html(")', re.ASCII)


@dataclass(frozen=True)
class Outgoing:
    """The current version of a document, to be published."""

    document: Document
    stored: StoredReport | StoredDigest

    @property
    def version(self) -> int:
        """The version's number, from 1."""
        return self.stored.version

    @property
    def made_at(self) -> datetime:
        """When the version was made, UTC."""
        return self.stored.created_at

    @property
    def markdown(self) -> str:
        """The document as Markdown, without charts."""
        return self.stored.report_md

    def shortened(self, max_characters: int) -> str:
        """Return the Markdown without what matters least, as far as it would be longer; of a week all of it."""
        if len(self.markdown) <= max_characters or self.document.kind == "week":
            return self.markdown
        from repo_agent_dagster.reports.markdown import render_markdown

        try:
            return render_markdown(stored_report(self.told), max_characters=max_characters)
        except (
            ValidationError,
            LookupError,
        ):  # it was stored in a form that this program does not know; whoever cuts it says so
            return self.markdown

    @property
    def told(self) -> dict[str, Any]:
        """The document as JSON."""
        return self.stored.report_json

    @cached_property
    def folder(self) -> str:
        """The name of the folder of its files, the same for all its versions; fit for any file system."""
        return folder_name(self.document.id) if self.document.kind == "order" else f"week-{self.document.id}"


def load(conn: "Connection", document: Document) -> Outgoing | None:
    """Return the current version of a document; None when none was made."""
    stored: StoredReport | StoredDigest | None
    if document.kind == "order":
        stored = delivery_reports.current(conn, document.id)
    else:
        stored = weekly_digests.current(conn, document.id)
    return None if stored is None else Outgoing(document, stored)


def load_now(engine: "Engine", document: Document) -> Outgoing | None:
    """Return the current version of a document, as `load` does."""
    with read_transaction(engine) as conn:
        return load(conn, document)


def files_of(engine: "Engine", outgoing: Outgoing, *, reports_dir: Path) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of the files that the document consists of: what others refer to comes first.

    Raises:
        Refused: it was stored by another version of this program, and cannot be drawn.
    """
    try:
        charts, markdown = _charts_and_markdown(outgoing)
        page = _page(engine, outgoing, reports_dir)
    except (ValidationError, LookupError) as error:
        raise Refused(
            f"{outgoing.document.key} was made by another version of repo-agent and cannot be drawn; "
            "make it again with `repo-agent reports generate`"
        ) from error
    yield from charts
    yield "report.json", json.dumps(outgoing.told, indent=2, ensure_ascii=False) + "\n"
    yield "report.html", _LINK_TO_VERSION.sub(r"\1report.html\2", page.read_text("utf-8"))
    yield "report.md", markdown


def _charts_and_markdown(outgoing: Outgoing) -> tuple[list[tuple[str, str]], str]:
    from repo_agent_dagster.reports.charts import svg

    if outgoing.document.kind == "week":
        from repo_agent_dagster.reports.digest.charts import digest_charts
        from repo_agent_dagster.reports.digest.markdown import render_markdown as render_digest

        digest = WeeklyDigest.model_validate(outgoing.told)
        charts, markdown = digest_charts(digest), render_digest(digest, charts_at=CHARTS_FOLDER)
    else:
        from repo_agent_dagster.reports.charts.of_report import report_charts
        from repo_agent_dagster.reports.markdown import render_markdown

        report = stored_report(outgoing.told)
        charts, markdown = report_charts(report), render_markdown(report, charts_at=CHARTS_FOLDER)
    return [(f"{CHARTS_FOLDER}/{name}.svg", svg(chart)) for name, chart in charts.items()], markdown


def _page(engine: "Engine", outgoing: Outgoing, reports_dir: Path) -> Path:
    if isinstance(outgoing.stored, StoredDigest):
        from repo_agent_dagster.reports.digest.generate import ensure_digest_page

        return ensure_digest_page(engine, outgoing.stored, reports_dir=reports_dir)
    from repo_agent_dagster.reports.page_files import ensure_page

    return ensure_page(engine, outgoing.stored, reports_dir=reports_dir)
