"""The shape of the code location: an accidental change of the graph shows up here, by name."""

import dagster as dg

from tests.wiring.deployment import Deployment


def test_the_code_location_loads_and_its_parts_fit_together(deployment: Deployment) -> None:
    dg.Definitions.validate_loadable(deployment.defs)


def _axis(partitions: dg.PartitionsDefinition | None) -> str:
    if partitions is None:
        return ""
    if isinstance(partitions, dg.DynamicPartitionsDefinition):
        return "unit"
    return "week" if isinstance(partitions, dg.WeeklyPartitionsDefinition) else "day"


def test_the_assets_their_groups_partitions_and_dependencies_are_these(deployment: Deployment) -> None:
    graph = deployment.defs.resolve_asset_graph()
    shape = {
        key.to_user_string(): (
            graph.get(key).group_name,
            _axis(graph.get(key).partitions_def),
            sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
        )
        for key in graph.get_all_asset_keys()
    }
    assert shape == {
        "worker_logs": ("logs", "day", []),
        "build_logs": ("logs", "day", []),
        "log_patterns": ("logs", "day", ["build_logs", "worker_logs"]),
        "ops_scan": ("ops", "day", ["build_logs", "log_patterns", "worker_logs"]),
        "ops_issues": ("ops", "", ["ops_scan"]),
        "patch_events": ("patches", "", []),
        "patch_daily": ("patches", "day", ["patch_events"]),
        "patch_trends_weekly": ("patches", "", ["patch_daily"]),
        "patch_trends_phase": ("patches", "", ["patch_daily"]),
        "patch_trends_order": ("patches", "", ["patch_daily"]),
        "delivery_reports": (
            "delivery",
            "",
            ["ops_scan", "patch_trends_order", "patch_trends_phase", "patch_trends_weekly"],
        ),
        "published_reports": ("delivery", "", ["delivery_reports"]),
        "weekly_digests": ("delivery", "week", ["ops_issues", "patch_trends_weekly"]),
        "staging_units": ("staging", "unit", []),
        "migrated_units": ("staging", "", ["staging_units"]),
    }


def test_the_asset_checks_are_these(deployment: Deployment) -> None:
    graph = deployment.defs.resolve_asset_graph()
    assert sorted(f"{key.asset_key.to_user_string()}.{key.name}" for key in graph.asset_check_keys) == [
        "build_logs.ingestion_complete",
        "build_logs.quarantine_rate",
        "delivery_reports.every_closed_order_has_a_report",
        "ops_issues.github_in_step",
        "ops_scan.scan_is_recent",
        "patch_daily.rollup_equals_events",
        "patch_daily.success_rate_over_minimum",
        "patch_events.custody_chain_is_intact",
        "published_reports.published_where_followed",
        "worker_logs.ingestion_complete",
        "worker_logs.quarantine_rate",
    ]


def test_the_patch_events_are_observed_and_not_made(deployment: Deployment) -> None:
    node = deployment.defs.resolve_asset_graph().get(dg.AssetKey("patch_events"))
    assert (node.is_observable, node.is_materializable) == (True, False)


def test_every_materialised_asset_says_what_it_is_and_who_owns_it(deployment: Deployment) -> None:
    graph = deployment.defs.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.description, key
        assert node.owners, key
        assert node.kinds, key


def test_each_pathway_job_shows_one_op_per_step(deployment: Deployment) -> None:
    repository = deployment.defs.get_repository_def()
    steps = {
        name: [node.name for node in repository.get_job(name).nodes_in_topological_order]
        for name in (
            "staging_migration_job",
            "solution_validation_job",
            "error_recreation_job",
            "testing_job",
            "apply_patches",
        )
    }
    assert steps == {
        "staging_migration_job": [
            "take_inventory",
            "plan_unit",
            "show_diff",
            "ask_approval",
            "copy_and_rewrite",
            "hold_to_standards",
            "refactor",
            "validate_unit",
            "report_migration",
            "notify",
        ],
        "solution_validation_job": [
            "clone",
            "set_up",
            "test_before",
            "apply_fix",
            "test_tests_only",
            "test_after",
            "rerun_differing",
            "verdict",
        ],
        "error_recreation_job": [
            "clone_for_recreation",
            "set_up_for_recreation",
            "read_bug",
            "reproduce",
            "make_minimal",
            "find_first_bad",
            "recreation_verdict",
        ],
        "testing_job": [
            "clone_for_testing",
            "set_up_for_testing",
            "find_suites",
            "run_suites",
            "generate_tests",
            "testing_verdict",
        ],
        "apply_patches": ["read_batch", "apply_batch_to_workspace", "prove_custody"],
    }


def test_sensors_and_schedules_run_by_default(deployment: Deployment) -> None:
    repository = deployment.defs.get_repository_def()
    sensors = {sensor.name: sensor.default_status for sensor in repository.sensor_defs}
    assert set(sensors) == {
        "staging_sensor",
        "task_queue_sensor",
        "task_of_succeeded_run_sensor",
        "task_of_failed_run_sensor",
        "task_of_cancelled_run_sensor",
        "sandbox_reaper_sensor",
        "notifications_sensor",
        "approvals_sensor",
        "patch_rollups_sensor",
        "delivery_reports_sensor",
    }
    assert set(sensors.values()) == {dg.DefaultSensorStatus.RUNNING}
    schedules = {schedule.name: schedule.cron_schedule for schedule in repository.schedule_defs}
    assert schedules == {
        "nightly_ops_scan": "0 9 * * *",
        "weekly_digest": "40 9 * * 1",
        "prune_daily": "0 4 * * *",
        "prune_workspaces_daily": "10 4 * * *",
        "prune_logs_daily": "20 4 * * *",
        "watch_scans_hourly": "15 * * * *",
    }
    assert {s.default_status for s in repository.schedule_defs} == {dg.DefaultScheduleStatus.RUNNING}
