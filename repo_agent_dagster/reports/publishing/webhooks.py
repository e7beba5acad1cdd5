"""Publish to a webhook: a signed JSON message with a summary and links, in the scheme of patch notifications."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from repo_agent_dagster.contracts.report_notices import ReportNotice, ReportPlace
from repo_agent_dagster.contracts.reports import ErrorCount, PatchCounts
from repo_agent_dagster.notify.posting import Poster
from repo_agent_dagster.notify.retrying import REFUSALS_BEFORE_PARKING, is_refusal, parsed_retry_after
from repo_agent_dagster.notify.signature import headers
from repo_agent_dagster.pages.safety import one_line
from repo_agent_dagster.redaction import redact
from repo_agent_dagster.reports.publishing.documents import Outgoing
from repo_agent_dagster.reports.publishing.github_texts import title_of
from repo_agent_dagster.reports.publishing.outcomes import NotNow, Placed, Refused
from repo_agent_dagster.store.report_targets import ReportTarget

SECRET_ENV = "REPO_AGENT_REPORT_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable, not a secret
"""The environment variable that holds the secret, unless a target names another one."""

POST_SECONDS = 10.0
_MAX_TEXT, _MAX_REQUESTERS, _MAX_ERRORS, _MAX_PLACES = 500, 20, 10, 20


def post(
    poster: Poster,
    target: ReportTarget,
    outgoing: Outgoing,
    places: Sequence[ReportPlace],
    *,
    secrets: Mapping[str, str],
    failed_before: int,
    now: datetime,
) -> Placed:
    """Tell a webhook of a version. Sent again, it has the same key: the receiver drops what it has seen.

    Raises:
        NotNow: it was not taken, or the secret to sign with is missing here.
        Refused: it was refused again and again.
    """
    secret = None
    if target.secret_env is not None:
        secret = secrets.get(target.secret_env)
        if not secret:
            raise NotNow(f"{target.address}: the secret to sign with is missing: {target.secret_env} is not set here")
    notice = notice_of(outgoing, places)
    body = notice.model_dump_json(by_alias=True).encode()
    signed = headers(notice.event, key_of(target, outgoing), body, secret=secret, now=now)
    answer = poster.post(target.address, body, signed, within_seconds=POST_SECONDS)
    if answer.is_taken:
        return Placed(target.address)
    said = f"{target.address} does not take it: {answer.said}"
    if answer.status is not None and is_refusal(answer.status) and failed_before + 1 >= REFUSALS_BEFORE_PARKING:
        raise Refused(said)
    wait = parsed_retry_after(answer.retry_after, now)
    raise NotNow(said, None if wait is None else now + min(wait, timedelta(days=1)))


def key_of(target: ReportTarget, outgoing: Outgoing) -> str:
    """Return the idempotency key: the same whenever this version is sent to this target."""
    told = f"{outgoing.document.key} {outgoing.version} {outgoing.stored.content_digest}"
    return f"{target.id}-{hashlib.sha256(told.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


def notice_of(outgoing: Outgoing, places: Sequence[ReportPlace]) -> ReportNotice:
    """Return the message: bounded, whatever the report holds, and redacted."""
    told, is_week = outgoing.told, outgoing.document.kind == "week"
    event: Literal["delivery_report", "weekly_digest"] = "weekly_digest" if is_week else "delivery_report"
    request: Mapping[str, Any] = told.get("request") or {}
    custody: Sequence[Mapping[str, Any]] = told.get("custody") or ()
    return ReportNotice(
        event=event,
        id=redact(outgoing.document.id),
        version=outgoing.version,
        content_digest=outgoing.stored.content_digest,
        made_at=outgoing.made_at,
        title=title_of(outgoing),
        first_at=told.get("fromAt" if is_week else "firstAt"),
        last_at=told.get("toAt" if is_week else "lastAt"),
        totals=PatchCounts.model_validate(told["totals"]),
        requesters=[_shown(name) for name in (request.get("requesters") or ())[:_MAX_REQUESTERS]],
        errors=[
            ErrorCount(error=_shown(one["error"]), patches=one["patches"])
            for one in (told.get("errors") or ())[:_MAX_ERRORS]
        ],
        custody_intact=all(chain["intact"] for chain in custody) if custody else None,
        places=list(places)[:_MAX_PLACES],
    )


def _shown(text: str) -> str:
    return one_line(redact(text), _MAX_TEXT)
