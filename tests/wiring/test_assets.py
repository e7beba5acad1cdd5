"""The assets of one night, materialised through Dagster on real stores."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.observe import observe

from assets import delivery, logs, ops, patches, staging
from repo_agent_dagster.cli.example_logs import write_example_logs
from repo_agent_dagster.contracts.custody import EventRow
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.resources import build_resources
from repo_agent_dagster.settings import Settings
from repo_agent_dagster.store import delivery_reports, ops_issues, ops_scans, patch_events, staging_migrations
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.staging_migrations import StagingStatus
from schedules.nightly import nightly_ops_scan
from tests.reports.builder import APPLIED, FAILED, VALIDATED, event_rows, write
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
    made = result.asset_materializations_for_node(asset)
    (event,) = (event for event in made if event.asset_key.to_user_string() == asset)
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


def every_closed_order_has_a_report(deployment: Deployment) -> dg.AssetCheckResult:
    return delivery.every_closed_order_has_a_report(deployment.resources["store"], deployment.resources["clock"])


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


def test_an_order_that_is_over_gets_a_report_and_the_check_sees_it(deployment: Deployment, now: datetime) -> None:
    record_patch(deployment, now, order_id="order-1")
    deployment.set_clock(now + timedelta(hours=2))
    before = every_closed_order_has_a_report(deployment)
    result = materialize(deployment, delivery.delivery_reports)
    after = every_closed_order_has_a_report(deployment)
    assert (before.passed, after.passed) == (False, True)
    assert metadata(result, "delivery_reports")["new_versions"] == 1
    again = materialize(deployment, delivery.delivery_reports)
    assert metadata(again, "delivery_reports")["orders_read"] == 0
    with read_transaction(deployment.engine) as conn:
        (report,) = delivery_reports.listing(conn)
    assert report.order_id == "order-1"


def test_an_order_that_changed_since_its_report_fails_the_check(deployment: Deployment, now: datetime) -> None:
    record_patch(deployment, now, order_id="order-1")
    materialize(deployment, delivery.delivery_reports)
    record_patch(deployment, now, order_id="order-1")
    deployment.set_clock(now + timedelta(hours=2))
    verdict = every_closed_order_has_a_report(deployment)
    assert not verdict.passed
    assert "changed since its report" in verdict.metadata["missing"].value


def test_new_versions_go_to_the_folder_that_follows_them(deployment: Deployment, now: datetime, tmp_path: Path) -> None:
    settings = Settings(home=deployment.settings.home, report_targets=f"file:{tmp_path / 'out'}")
    deployment.resources["report_options"] = build_resources(settings)["report_options"]
    record_patch(deployment, now, order_id="order-1")
    result = materialize(deployment, delivery.delivery_reports, delivery.published_reports)
    assert metadata(result, "published_reports")["published"] == 1
    assert [check.passed for check in result.get_asset_check_evaluations()] == [True]
    assert {path.name for path in (tmp_path / "out").rglob("report.*")} == {"report.md", "report.json", "report.html"}


def test_a_target_that_cannot_be_reached_is_a_warning_that_says_why(
    deployment: Deployment, now: datetime, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("a file where a folder should be")
    settings = Settings(home=deployment.settings.home, report_targets=f"file:{tmp_path / 'out'}")
    deployment.resources["report_options"] = build_resources(settings)["report_options"]
    record_patch(deployment, now, order_id="order-1")
    result = materialize(deployment, delivery.delivery_reports, delivery.published_reports)
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert "out" in (check.description or "")


def test_a_week_gets_its_digest_once(deployment: Deployment, now: datetime) -> None:
    record_patch(deployment, now, order_id="order-1")
    monday = (now - timedelta(days=now.weekday())).date().isoformat()
    first, again = (
        metadata(materialize(deployment, delivery.weekly_digests, partition=monday), "weekly_digests") for _ in range(2)
    )
    assert (first["new_version"], again["new_version"]) == (True, False)
    assert Path(first["page"]).is_file()


def test_a_day_of_patches_is_counted_and_compared_with_its_events(deployment: Deployment, now: datetime) -> None:
    record_patch(deployment, now, order_id="order-1")
    result = materialize(deployment, patches.patch_daily, partition=now.date().isoformat())
    assert metadata(result, "patch_daily")["dagster/partition_row_count"] == 1
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert {name: check.passed for name, check in checks.items()} == {
        "rollup_equals_events": True,
        "success_rate_over_minimum": True,
    }
    assert "none of 1 patches was checked" in (checks["success_rate_over_minimum"].description or "")


def test_a_row_that_is_not_what_the_events_say_fails_the_check_of_another_days_run(
    deployment: Deployment, now: datetime
) -> None:
    yesterday = now - timedelta(days=1)
    record_patch(deployment, yesterday, order_id="order-1")
    materialize(deployment, patches.patch_daily, partition=yesterday.date().isoformat())
    with write_transaction(deployment.engine) as conn:
        conn.exec_driver_sql("UPDATE patch_daily SET patches = 7")
    result = materialize(deployment, patches.patch_daily, partition=now.date().isoformat())
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert not checks["rollup_equals_events"].passed
    assert checks["rollup_equals_events"].severity is dg.AssetCheckSeverity.ERROR


def test_too_many_failed_checks_are_warned_about_with_their_denominator(deployment: Deployment, now: datetime) -> None:
    write(
        deployment.engine,
        event_rows(now, VALIDATED, check=True),
        event_rows(now, FAILED, check=False),
        event_rows(now, APPLIED),
    )
    result = materialize(deployment, patches.patch_daily, partition=now.date().isoformat())
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    check = checks["success_rate_over_minimum"]
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert check.description == "1 of 2 checked patches passed, 1 unchecked; the minimum is 90%"


@pytest.mark.parametrize(
    "asset",
    [patches.patch_trends_weekly, patches.patch_trends_phase, patches.patch_trends_order],
    ids=lambda a: a.op.name,
)
def test_trends_count_the_patches_of_the_last_days_and_draw_them(
    deployment: Deployment, now: datetime, asset: dg.AssetsDefinition
) -> None:
    record_patch(deployment, now, order_id="order-1")
    shown = metadata(materialize(deployment, asset), asset.op.name)
    assert shown["patches"] == 1
    if asset is patches.patch_trends_order:
        assert "| order-1 | 1 | 0 | 0 | 1 |" in shown["by_order"]
    else:
        assert shown["chart"].startswith("![")
        assert "data:image/svg+xml;base64," in shown["chart"]


def test_observing_the_events_tells_their_number_and_the_newest(deployment: Deployment, now: datetime) -> None:
    record_patch(deployment, now, order_id=None)
    result = observe([patches.patch_events], instance=deployment.instance, resources=deployment.resources)
    (observation,) = result.asset_observations_for_node("patch_events")
    assert observation.tags["dagster/data_version"] == "2:2"
    assert observation.metadata["dagster/row_count"].value == 2


def test_a_changed_custody_row_fails_the_custody_check(deployment: Deployment, now: datetime) -> None:
    record_patch(deployment, now, order_id="order-1")
    assert patches.custody_chain_is_intact(deployment.resources["store"], deployment.resources["clock"]).passed
    with write_transaction(deployment.engine) as conn:
        conn.exec_driver_sql("UPDATE patch_custody SET factory = 'someone else' WHERE seq = 1")
    verdict = patches.custody_chain_is_intact(deployment.resources["store"], deployment.resources["clock"])
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
    assert made == every - {"staging_units", "weekly_digests"}  # whose partitions are units and weeks, not days
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks == {
        "ingestion_complete": False,  # the folders are empty: no data, which is no health
        "quarantine_rate": True,
        "scan_is_recent": True,
        "github_in_step": True,
        "custody_chain_is_intact": True,
        "success_rate_over_minimum": True,
        "rollup_equals_events": True,
        "every_closed_order_has_a_report": True,
        "published_where_followed": True,
    }
