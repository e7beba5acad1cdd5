"""A process that migrates a unit, and is killed when a step begins or ends."""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from repo_agent_dagster.migration import Bases, Environment, Migration
from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.patch_events import StoreCustody


def migrate_and_die(url: str, unit: Path, target: Path, bases: Path, step: str, moment: str) -> None:
    """Migrate `unit` into `target`; die when `step` "begins" or "ends"."""

    def die(entry: dict[str, Any]) -> None:
        if (entry["step"], entry["status"] == "running") == (step, moment == "begins"):
            os.kill(os.getpid(), signal.SIGKILL)

    engine = open_store(url)
    environment = Environment(
        engine=engine, custody=StoreCustody(engine), bases=Bases(bases), now=lambda: datetime.now(UTC), on_step=die
    )
    Migration.open(unit, target, environment).run()
