"""Bring a week's stored digest up to date with its facts: a new version only when they changed."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.digests import WeeklyDigest
from repo_agent_dagster.contracts.faults import TransientFault
from repo_agent_dagster.pages.writing import write_whole
from repo_agent_dagster.reports.digest.build import build_digest, content_digest
from repo_agent_dagster.reports.digest.facts import gather_week
from repo_agent_dagster.reports.digest.html import render_html
from repo_agent_dagster.reports.digest.markdown import render_markdown
from repo_agent_dagster.store import weekly_digests
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.weekly_digests import NewDigest, StoredDigest

if TYPE_CHECKING:
    from sqlalchemy import Engine

MAX_LOST_RACES = 20
FOLDER = "digests"
"""The digests' folder among the folders of orders, whose names end in a hash."""


class BusyWeekError(TransientFault):
    """Other writers published this week's digest again and again while this one tried."""


@dataclass(frozen=True)
class GeneratedDigest:
    """A week's current digest. `is_new`: this call made the version; otherwise nothing had changed."""

    week: str
    version: int
    html_path: Path
    is_new: bool
    digest: WeeklyDigest
    markdown: str


def generate_digest(engine: "Engine", week: str, *, reports_dir: Path, now: datetime) -> GeneratedDigest:
    """Make the digest of an ISO week (2026-W10; see `periods.week_of`) current, and its page present.

    Idempotent, and safe with other writers: of two that see the same change one makes the version. A week that is not
    over may be told, too; its digest says so.

    Raises:
        BusyWeekError: other writers kept overtaking this one; try again.
    """
    for _ in range(MAX_LOST_RACES):
        with read_transaction(engine) as conn:
            # In one snapshot, so that the facts are not older than what the current version tells of.
            replaces = weekly_digests.current(conn, week)
            digest = build_digest(gather_week(conn, week), now)
        content = content_digest(digest)
        if replaces is not None and replaces.content_digest == content:
            page = ensure_digest_page(engine, replaces, reports_dir=reports_dir)
            return GeneratedDigest(week, replaces.version, page, False, _parsed(replaces), replaces.report_md)
        version = 1 if replaces is None else replaces.version + 1
        page = _page(reports_dir, week, version)
        new = NewDigest(
            week=week,
            content_digest=content,
            report_md=render_markdown(digest),
            report_json=digest.model_dump(mode="json", by_alias=True),
            html_path=str(page),
        )
        with write_transaction(engine) as conn:
            is_published = weekly_digests.publish(conn, new, replaces=replaces, now=now)
        if is_published:
            # After the commit: a version number is ours only then. A crash here is mended by the next call.
            write_whole(page, render_html(digest, version=version, cache=reports_dir))
            return GeneratedDigest(week, version, page, True, digest, new.report_md)
    raise BusyWeekError(
        f"week {week}: another writer published its digest {MAX_LOST_RACES} times while this one tried; "
        "make it again when they are done"
    )


def ensure_digest_page(engine: "Engine", stored: StoredDigest, *, reports_dir: Path) -> Path:
    """Return the path of a stored digest's HTML page under `reports_dir`, written again if it is missing."""
    page = _page(reports_dir, stored.week, stored.version)
    if not page.exists():
        write_whole(page, render_html(_parsed(stored), version=stored.version, cache=reports_dir))
    if stored.html_path != str(page):
        with write_transaction(engine) as conn:
            weekly_digests.relocate(conn, stored.id, str(page))
    return page


def _page(reports_dir: Path, week: str, version: int) -> Path:
    return reports_dir.absolute() / FOLDER / f"{week}-v{version}.html"


def _parsed(stored: StoredDigest) -> WeeklyDigest:
    return WeeklyDigest.model_validate(stored.report_json)
