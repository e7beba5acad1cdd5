"""The one place where assets, jobs, sensors, schedules and resources meet.

Production, tests and the terminal assemble the same graph through `build_defs`; nothing else wires anything.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets import delivery, logs, ops, patches, staging
from jobs import (
    apply_patches,
    approvals,
    error_recreation,
    nightly,
    pruning,
    reports,
    solution_validation,
    staging_migration,
    testing,
)
from repo_agent_dagster.resources import build_resources
from repo_agent_dagster.settings import Settings
from schedules import nightly as nightly_schedules
from sensors import approvals as approval_sensors
from sensors import notifications, queue, reaper
from sensors import reports as report_sensors
from sensors import staging as staging_sensors


def build_defs(
    *, settings: Settings | None = None, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Assemble the code location.

    Args:
        settings: where everything is; read from the environment when absent.
        resource_overrides: resources that replace the ones made from the settings, by name.
    """
    resources: dict[str, Any] = {
        # What steps hand on lives as long as their run; what must last is in the store.
        "io_manager": dg.mem_io_manager,
        **build_resources(settings or Settings()),
        **(resource_overrides or {}),
    }
    asset_groups = (logs, ops, patches, delivery, staging)
    return dg.Definitions(
        assets=[asset for group in asset_groups for asset in group.default_assets],
        asset_checks=[*ops.default_asset_checks, *patches.default_asset_checks, *delivery.default_asset_checks],
        jobs=[
            job
            for module in (
                solution_validation,
                error_recreation,
                testing,
                staging_migration,
                approvals,
                apply_patches,
                nightly,
                pruning,
                reports,
            )
            for job in module.default_jobs
        ],
        sensors=[
            s
            for module in (queue, staging_sensors, approval_sensors, reaper, notifications, report_sensors)
            for s in module.default_sensors
        ],
        schedules=nightly_schedules.default_schedules,
        resources=resources,
        # Steps of one run share a sandbox, which a process for each would lose.
        executor=dg.in_process_executor,
    )


defs = build_defs()
