"""The assets of one night, materialised through Dagster on real stores."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from assets import delivery, logs, ops, patches, staging
from repo_agent_dagster.cli.example_logs import write_example_logs
from repo_agent_dagster.contracts.custody import EventRow
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.store import delivery_reports, ops_issues, ops_scans, patch_events, staging_migrations
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.staging_migrations import StagingStatus
from schedules.nightly import nightly_ops_scan
from tests.wiring.deployment import Deployment

DAY = "2026-03-03"


def materialize(deployment: Deployment, *assets: Any, partition: str | None = None) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        list(assets),
        instance=deployment.instance,
        resources=deployment.resources,
        partition_key=partition,
        raise_on_error=False,
    )


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    (event,) = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in event.metadata.items()}


def record_patch(deployment: Deployment, now: datetime, *, order_id: str | None) -> None:
    event = {
        "patch_id": "p1",
        "batch_id": "b1",
        "requester": "agent",
        "workspace": "/w",
        "file_path": "a.py",
        "op": "append",
        "order_id": order_id,
        "created_at": now,
    }
    with write_transaction(deployment.engine) as conn:
        patch_events.record(
            conn,
            [EventRow(**event, event=name) for name in (PatchEventName.PATCH_REQUESTED, PatchEventName.PATCH_APPLIED)],
        )


def test_a_night_of_logs_becomes_rows_and_issues_once(deployment: Deployment) -> None:
    write_example_logs(deployment.settings.home / "logs", date.fromisoformat(DAY))
    first = materialize(deployment, logs.worker_logs, logs.build_logs, ops.ops_scan, partition=DAY)
    assert first.success
    with read_transaction(deployment.engine) as conn:
        issues = {issue.fingerprint: issue.occurrences for issue in ops_issues.listing(conn)}
    assert issues
    again = materialize(deployment, logs.worker_logs, logs.build_logs, ops.ops_scan, partition=DAY)
    assert metadata(again, "worker_logs")["unchanged_objects"] == metadata(first, "worker_logs")["objects"]
    with read_transaction(deployment.engine) as conn:
        assert {issue.fingerprint: issue.occurrences for issue in ops_issues.listing(conn)} == issues
        assert [scan.status for scan in ops_scans.latest_scans(conn)] == ["success", "success"]


def test_broken_lines_are_counted_and_warned_about_by_the_check(deployment: Deployment) -> None:
    lines = ['{"ts": "2026-03-03T01:00:00Z", "worker": "w", "level": "info", "message": "ok"}', "not json"]
    (deployment.settings.worker_logs / "w.jsonl").write_text("\n".join(lines) + "\n")
    result = materialize(deployment, logs.worker_logs, partition=DAY)
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert checks["ingestion_complete"].passed
    check = checks["quarantine_rate"]
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert check.metadata["quarantined"].value == 1
    assert metadata(result, "worker_logs")["dagster/row_count"] == 1


def test_an_empty_log_folder_is_no_failure_and_no_rows(deployment: Deployment) -> None:
    result = materialize(deployment, logs.worker_logs, logs.build_logs, ops.ops_scan, partition=DAY)
    assert result.success
    assert metadata(result, "worker_logs")["dagster/row_count"] == 0


def test_every_order_gets_a_report_and_the_check_sees_it(deployment: Deployment, now: datetime) -> None:
    record_patch(deployment, now, order_id="order-1")
    before = delivery.every_order_has_a_report(deployment.resources["store"])
    result = materialize(deployment, delivery.delivery_reports)
    after = delivery.every_order_has_a_report(deployment.resources["store"])
    assert (before.passed, after.passed) == (False, True)
    assert metadata(result, "delivery_reports")["new_versions"] == 1
    again = materialize(deployment, delivery.delivery_reports)
    assert metadata(again, "delivery_reports")["new_versions"] == 0
    with read_transaction(deployment.engine) as conn:
        (report,) = delivery_reports.listing(conn)
    assert report.order_id == "order-1"


def test_trends_count_the_patches_of_the_last_days(deployment: Deployment, now: datetime) -> None:
    record_patch(deployment, now.replace(day=2), order_id=None)
    shown = metadata(materialize(deployment, patches.patch_trends), "patch_trends")
    assert shown["patches"] == 1
    assert "agent" in shown["by_factory"]


def test_a_changed_custody_row_fails_the_custody_check(deployment: Deployment, now: datetime) -> None:
    record_patch(deployment, now, order_id="order-1")
    assert patches.custody_chain_is_intact(deployment.resources["store"]).passed
    with write_transaction(deployment.engine) as conn:
        conn.exec_driver_sql("UPDATE patch_custody SET factory = 'someone else' WHERE seq = 1")
    verdict = patches.custody_chain_is_intact(deployment.resources["store"])
    assert not verdict.passed
    assert "/w" in verdict.metadata["broken"].value


def test_a_unit_has_a_new_data_version_when_it_changes(deployment: Deployment) -> None:
    unit = deployment.settings.staging / "web"
    unit.mkdir()
    deployment.instance.add_dynamic_partitions("staging_units", ["web"])

    def version(text: str) -> str:
        (unit / "a.ts").write_text(text)
        result = materialize(deployment, staging.staging_units, partition="web")
        (event,) = result.asset_materializations_for_node("staging_units")
        assert event.tags is not None
        return event.tags["dagster/data_version"]

    assert version("1") == version("1") != version("2")


def test_a_unit_that_is_gone_cannot_be_materialised(deployment: Deployment) -> None:
    deployment.instance.add_dynamic_partitions("staging_units", ["web"])
    assert not materialize(deployment, staging.staging_units, partition="web").success


def test_the_overview_counts_the_states_and_writes_the_page(deployment: Deployment, now: datetime) -> None:
    with write_transaction(deployment.engine) as conn:
        for unit in ("web", "api"):
            row = staging_migrations.upsert_seen(conn, unit, "0" * 64, "/root", now=now)
        staging_migrations.set_status(conn, row.id, StagingStatus.FAILED, now=now, error="no manifest")
    shown = metadata(materialize(deployment, staging.migrated_units), "migrated_units")
    assert shown["dagster/row_count"] == 2
    assert "| failed | seen |\n| --- | --- |\n| 1 | 1 |" in shown["states"]
    assert "no manifest" in Path(shown["page"]).read_text()


def test_the_schedule_asks_for_today_yesterday_and_days_with_late_lines(
    deployment: Deployment,
) -> None:
    context = dg.build_schedule_context(
        instance=deployment.instance, scheduled_execution_time=datetime.fromisoformat("2026-03-04T09:00:00+00:00")
    )
    requests = nightly_ops_scan(context, ops_options=deployment.resources["ops_options"])
    assert [(r.run_key, r.partition_key) for r in requests] == [
        ("nightly:2026-03-04:2026-03-02", "2026-03-02"),
        ("nightly:2026-03-04:2026-03-03", "2026-03-03"),
        ("nightly:2026-03-04:2026-03-04", "2026-03-04"),
    ]


def test_one_night_job_materialises_every_group_and_runs_every_check(deployment: Deployment, now: datetime) -> None:
    record_patch(deployment, now, order_id="order-1")
    job = deployment.defs.get_job_def("ops_scan_job")
    result = job.execute_in_process(partition_key=DAY, instance=deployment.instance, resources=deployment.resources)
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key}
    every = {key.to_user_string() for key in deployment.defs.resolve_asset_graph().materializable_asset_keys}
    assert made == every - {"staging_units"}  # whose partitions are units, not days
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks == {
        "ingestion_complete": False,  # the folders are empty: no data, which is no health
        "quarantine_rate": True,
        "scan_is_recent": True,
        "github_in_step": True,
        "custody_chain_is_intact": True,
        "every_order_has_a_report": True,
    }
