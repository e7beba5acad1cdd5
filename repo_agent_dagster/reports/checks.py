"""The checks that ran on an order's batches, as their events tell them."""

from collections.abc import Iterable, Mapping
from typing import Any

from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.contracts.reports import CheckReport
from repo_agent_dagster.store.order_facts import PatchEventFact

_JUDGING = {PatchEventName.PATCH_VALIDATED.value, PatchEventName.PATCH_FAILED.value}

MAX_LISTED_FINDINGS = 20
MAX_FINDING_CHARACTERS = 500
NO_NAME = "check"
"""What a check is called whose verdict was recorded without its name."""


def check_reports(events: Iterable[PatchEventFact]) -> list[CheckReport]:
    """Return each run of a check on a batch, oldest first; a check without a verdict is there as unchecked."""
    runs: dict[tuple[object, ...], list[PatchEventFact]] = {}
    for event in events:
        if event.event in _JUDGING and (event.ts_check_ok is not None or (event.meta and "check" in event.meta)):
            batch = event.batch_id or event.patch_id
            runs.setdefault((batch, _name(event), event.ts_check_ok, event.created_at), []).append(event)
    return [_report(members) for members in runs.values()]


def _report(events: list[PatchEventFact]) -> CheckReport:
    first = events[0]
    meta = first.meta or {}
    findings = meta.get("findings")
    listed = findings if isinstance(findings, list) else []
    outcome = first.ts_check_ok
    added = _count(meta.get("findings_added"))
    if added is None and outcome is not None:
        # Recorded before the counts were: a good check added nothing, a bad one at least what it lists.
        added = 0 if outcome else len(listed) or None
    return CheckReport.of_known(
        check=_name(first),
        batch_id=first.batch_id,
        phase=first.phase,
        at=first.created_at,
        outcome="unchecked" if outcome is None else "ok" if outcome else "failed",
        patches=1 if len(events) == 1 else len({event.patch_id for event in events}),
        before=_count(meta.get("findings_before")),
        after=_count(meta.get("findings_after")),
        added=added,
        findings=[_told(finding) for finding in listed[:MAX_LISTED_FINDINGS] if isinstance(finding, Mapping)],
    )


def _name(event: PatchEventFact) -> str:
    name = (event.meta or {}).get("check")
    return name if isinstance(name, str) and name.strip() else NO_NAME


def _told(finding: Mapping[str, Any]) -> str:
    place = f"{finding.get('file')}:{finding.get('line')}: " if finding.get("file") else ""
    return f"{place}{finding.get('code', '')}: {finding.get('message', '')}"[:MAX_FINDING_CHARACTERS]


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
