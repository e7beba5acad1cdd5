"""What the demo runs on, made fresh from `examples/` for each run; every run is an order of its own."""

import shutil
import subprocess
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import yaml

from repo_agent_dagster.cli.example_logs import write_example_logs
from repo_agent_dagster.cli.example_repo import make_repository
from repo_agent_dagster.packaged import packaged_path
from repo_agent_dagster.settings import Settings

UNIT = "feedback-worker"


@dataclass(frozen=True)
class DemoInputs:
    """One demo run: its order, the unit that will be dropped, the repository to repair, and the day of the logs."""

    order_id: str
    unit: Path
    repo_url: str
    fix: str
    log_day: date


def make_inputs(settings: Settings, *, now: datetime) -> DemoInputs:
    """Lay out the monorepo, the buggy repository and last night's logs under the home folder.

    The unit is prepared outside STAGING: `drop_unit` moves it in when Dagster watches.
    """
    order_id = f"demo-{now:%Y%m%d-%H%M%S}"
    workshop = settings.home / "demo"
    shutil.rmtree(workshop, ignore_errors=True)
    workshop.mkdir(parents=True)
    _make_monorepo(settings.target_root)
    unit = workshop / UNIT
    shutil.copytree(packaged_path("examples", "STAGING", UNIT), unit)
    _stamp_order(unit, order_id)
    shutil.rmtree(settings.staging / UNIT, ignore_errors=True)
    repository = make_repository(workshop / "buggy_repo", now=now)
    log_day = now.date() - timedelta(days=1)
    write_example_logs(settings.home / "logs", log_day)
    return DemoInputs(order_id, unit, repository.url, repository.fix, log_day)


def drop_unit(settings: Settings, inputs: DemoInputs) -> None:
    """Move the unit into STAGING, as a person would drop a folder."""
    inputs.unit.rename(settings.staging / UNIT)


def _make_monorepo(target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(packaged_path("examples", "monorepo"), target)
    identity = ("-c", "user.name=repo-agent demo", "-c", "user.email=demo@localhost", "-c", "core.hooksPath=/dev/null")
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "The monorepo as it was")):
        subprocess.run(["git", *identity, *arguments], cwd=target, check=True, stdout=subprocess.DEVNULL)


def _stamp_order(unit: Path, order_id: str) -> None:
    # A new order id makes the unit's content new, so that a second demo migrates again instead of being deduplicated.
    path = unit / "migration-manifest.yaml"
    manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    manifest["order"] = {**manifest.get("order", {}), "id": order_id}
    path.write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")
