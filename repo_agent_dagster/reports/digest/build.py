"""A digest made of a week's facts: pure, so that the same facts make the same digest."""

import hashlib
import json
from datetime import datetime

from repo_agent_dagster.contracts.digests import (
    FactoryWeek,
    LatencyWeek,
    OpsWeek,
    OrderWeek,
    PhaseWeek,
    WeeklyDigest,
)
from repo_agent_dagster.contracts.patch_stats import PatchTrends, TrendRow
from repo_agent_dagster.contracts.reports import UNATTRIBUTED, PatchCounts
from repo_agent_dagster.reports.digest.facts import WeekFacts
from repo_agent_dagster.reports.digest.sources import digest_sources
from repo_agent_dagster.reports.files import page_path


def build_digest(facts: WeekFacts, now: datetime) -> WeeklyDigest:
    """Return the digest of the week as the facts tell it; `now` is when it was made."""
    stats = facts.stats
    factories_before, phases_before = _by_key(facts.factories_before), _by_key(facts.phases_before)
    return WeeklyDigest(
        week=facts.week,
        from_at=stats.from_at,
        to_at=stats.to_at,
        generated_at=now,
        is_over=now >= stats.to_at,
        totals=stats.totals,
        before=facts.before.totals,
        daily=stats.daily,
        factories=[
            FactoryWeek(factory=row.key or "", counts=row.counts, before=factories_before.get(row.key, PatchCounts()))
            for row in facts.factories.rows
        ],
        factories_left_out=facts.factories.left_out,
        phases=[
            PhaseWeek(phase=row.key, counts=row.counts, before=phases_before.get(row.key, PatchCounts()))
            for row in facts.phases.rows
        ],
        phases_left_out=facts.phases.left_out,
        operations=stats.operations,
        errors=stats.errors,
        other_errors=stats.other_errors,
        latency=[
            LatencyWeek(now=step, before=before)
            for step, before in zip(stats.latency, facts.before.latency, strict=True)
        ],
        orders=[_order(row, facts.reports) for row in facts.orders.rows],
        orders_left_out=facts.orders.left_out,
        ops_issues=OpsWeek(
            opened=list(facts.opened.issues),
            opened_total=facts.opened.total,
            resolved=list(facts.resolved.issues),
            resolved_total=facts.resolved.total,
        ),
        sources=digest_sources(stats, facts.phases, facts.orders),
    )


def content_digest(digest: WeeklyDigest) -> str:
    """Return the SHA-256 of what the digest tells, without when it was made and which reports there were by then.

    A report's next version changes where a link leads, not what the week brought.
    """
    links = {"orders": {"__all__": {"report_version", "report_page"}}}
    content = digest.model_dump(mode="json", exclude={"generated_at": True, "sources": True, **links})
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _by_key(trends: PatchTrends) -> dict[str | None, PatchCounts]:
    return {row.key: row.counts for row in trends.rows}


def _order(row: TrendRow, reports: dict[str, int]) -> OrderWeek:
    order_id = row.key or UNATTRIBUTED
    version = reports.get(order_id)
    return OrderWeek(
        order_id=order_id,
        counts=row.counts,
        first_patch=row.first_patch,
        last_patch=row.last_patch,
        report_version=version,
        report_page=None if version is None else page_path(order_id, version),
    )
