"""A deployment that tests can look into: settings, an upgraded store, the resources and an instance."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg
from dagster._core.definitions.sensor_definition import SensorExecutionData
from sqlalchemy import Engine

from repo_agent_dagster.definitions import build_defs
from repo_agent_dagster.resources import ClockResource
from repo_agent_dagster.settings import Settings


@dataclass(frozen=True)
class Deployment:
    settings: Settings
    engine: Engine
    resources: dict[str, Any]
    instance: dg.DagsterInstance

    @property
    def defs(self) -> dg.Definitions:
        return build_defs(settings=self.settings, resource_overrides=self.resources)

    def tick(self, sensor: dg.SensorDefinition, cursor: str | None = None) -> SensorExecutionData:
        # `dg.build_sensor_context` takes no instance reference, and without one a tick cannot resolve the partitions
        # that it adds itself; this is the constructor that the daemon calls.
        with dg.SensorEvaluationContext(
            instance_ref=self.instance.get_ref(),
            last_tick_completion_time=None,
            last_run_key=None,
            cursor=cursor,
            log_key=None,
            repository_name=None,
            repository_def=self.defs.get_repository_def(),
            resources={**self.resources},
        ) as context:
            return sensor.evaluate_tick(context)

    def set_clock(self, instant: datetime) -> None:
        self.resources["clock"] = ClockResource(fixed=instant.isoformat())
