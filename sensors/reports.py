"""Sensors on patches and orders: days that changed are counted again, orders that changed get their report."""

import hashlib
import json
from datetime import datetime, timedelta

import dagster as dg

from assets.partitions import days
from jobs.reports import delivery_reports_job, patch_rollups_job
from repo_agent_dagster.reports.environment import ReportsEnvironment
from repo_agent_dagster.reports.options import ReportOptions
from repo_agent_dagster.resources import ClockResource, StoreResource
from repo_agent_dagster.store import patch_events as event_store
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.order_marks import changed_marks
from repo_agent_dagster.store.patch_rollups import days_due

FOLD_EVERY = timedelta(minutes=10)
"""Reading is exact without it, if a little slower: so a busy store need not be folded at every event."""

MOST_SINGLE_DAYS = 3
"""More days than these are left to the asset that folds whatever is due, in one run."""

PAUSE_AFTER_FAILURE = timedelta(minutes=10)

_UNDER_WAY = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
)


@dg.sensor(
    jobs=[patch_rollups_job],
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Observes `patch_events`, and has the days counted again whose patches changed.",
)
def patch_rollups_sensor(
    context: dg.SensorEvaluationContext, store: StoreResource, clock: ClockResource
) -> dg.SensorResult:
    """Note the state of the events, and ask for the days that are due; a tick that is repeated asks for the same."""
    known = _known(context.cursor)
    with read_transaction(store.engine()) as conn:
        newest = event_store.newest_id(conn)
        observed = _observation(event_store.row_count(conn), newest) if newest != known.get("newest") else None
        due = [day.isoformat() for day in days_due(conn)]
    now = clock.now()
    partitions = set(days.get_partition_keys(current_time=now))
    due = [day for day in due if day in partitions]
    requests: list[dg.RunRequest] = []
    if due and _may_ask(known, now, FOLD_EVERY) and not _is_under_way(context, patch_rollups_job.name):
        requests = _requests(due, newest)
        known["asked_at"] = now.isoformat()
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else f"{len(due)} day(s) wait to be counted" if due else "every day is counted",
        asset_events=[] if observed is None else [observed],
        cursor=json.dumps({**known, "newest": newest}),
    )


@dg.sensor(
    jobs=[delivery_reports_job],
    minimum_interval_seconds=20,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Has the reports made of orders that changed, and those published that are followed.",
)
def delivery_reports_sensor(
    context: dg.SensorEvaluationContext,
    store: StoreResource,
    clock: ClockResource,
    report_options: dg.ResourceParam[ReportOptions],
) -> dg.SensorResult:
    """Ask for one run while there is something to do and none is under way; the run finds out what it is."""
    reports = ReportsEnvironment(report_options, store.engine(), clock.now)
    with read_transaction(store.engine()) as conn:
        changed = changed_marks(conn)
        is_publishing_due = reports.is_publishing_due(conn)
    if not changed and not is_publishing_due:
        return dg.SensorResult(skip_reason="every report is up to date")
    if _is_under_way(context, delivery_reports_job.name):
        return dg.SensorResult(skip_reason="a run that makes reports is under way")
    known, now = _known(context.cursor), clock.now()
    asked = hashlib.sha256(json.dumps(sorted(changed.items())).encode()).hexdigest()
    # What a run could not do, or what failed it, the next one cannot either: not every tick shall try again.
    if not _may_ask(known, now, PAUSE_AFTER_FAILURE):
        if _failed_lately(context, delivery_reports_job.name, now):
            return dg.SensorResult(skip_reason=f"the last run failed; the next comes {PAUSE_AFTER_FAILURE} after it")
        if known.get("asked") == asked and not is_publishing_due:
            return dg.SensorResult(skip_reason=f"{len(changed)} report(s) could not be made; tried again in a while")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(tags={"repo_agent/orders": str(len(changed))})],
        cursor=json.dumps({"asked": asked, "asked_at": now.isoformat()}),
    )


def _known(cursor: str | None) -> dict[str, object]:
    """Read the cursor; one that cannot be read begins again, which repeats an observation and nothing else."""
    try:
        known = json.loads(cursor or "{}")
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}


def _may_ask(known: dict[str, object], now: datetime, pause: timedelta) -> bool:
    asked_at = known.get("asked_at")
    return not isinstance(asked_at, str) or now - datetime.fromisoformat(asked_at) >= pause


def _observation(rows: int, newest: int) -> dg.AssetObservation:
    return dg.AssetObservation(
        asset_key="patch_events",
        metadata={"dagster/row_count": rows, "newest_event": newest},
        tags={"dagster/data_version": f"{rows}:{newest}"},
    )


def _requests(due: list[str], newest: int) -> list[dg.RunRequest]:
    if len(due) <= MOST_SINGLE_DAYS:
        one = [dg.AssetKey("patch_daily")]
        return [dg.RunRequest(run_key=f"fold:{day}:{newest}", partition_key=day, asset_selection=one) for day in due]
    return [dg.RunRequest(run_key=f"fold:all:{newest}", asset_selection=[dg.AssetKey("patch_trends_weekly")])]


def _is_under_way(context: dg.SensorEvaluationContext, job_name: str) -> bool:
    under_way = dg.RunsFilter(job_name=job_name, statuses=list(_UNDER_WAY))
    return bool(context.instance.get_run_records(under_way, limit=1))


def _failed_lately(context: dg.SensorEvaluationContext, job_name: str, now: datetime) -> bool:
    """Whether the job's last run failed a short while ago: what fails by itself fails again, every tick a run."""
    newest = context.instance.get_run_records(dg.RunsFilter(job_name=job_name), limit=1)
    if not newest or newest[0].dagster_run.status is not dg.DagsterRunStatus.FAILURE:
        return False
    ended_at = newest[0].end_time
    return ended_at is not None and now.timestamp() - ended_at < PAUSE_AFTER_FAILURE.total_seconds()


default_sensors = [patch_rollups_sensor, delivery_reports_sensor]
