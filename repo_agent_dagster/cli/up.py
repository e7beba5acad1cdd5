"""`repo-agent up`: the whole system in the foreground, until Ctrl-C."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import Console

from repo_agent_dagster.cli.services import DagsterServices, home_lock
from repo_agent_dagster.cli.signals import interrupt_on_signals
from repo_agent_dagster.settings import Settings

console = Console()


def prepare_store(settings: Settings) -> None:
    """Bring the store to this version's schema and seeds."""
    from datetime import UTC, datetime

    from repo_agent_dagster.store.revision import open_upgraded
    from repo_agent_dagster.store.seed import seed

    engine = open_upgraded(settings.store_url)
    seed(engine, now=datetime.now(UTC))
    engine.dispose()


def prepare_folders(settings: Settings) -> None:
    """Make the folders that people drop things into."""
    for folder in (settings.staging, settings.target_root, settings.worker_logs, settings.build_logs):
        folder.mkdir(parents=True, exist_ok=True)


def prepare_sandboxes(settings: Settings, tell: Callable[[str], None]) -> None:
    """Make sure of a Docker engine and of the sandbox image, telling what takes time."""
    from repo_agent_dagster.sandbox import ensure_engine, ensure_image

    ensure_engine(settings.home, say=tell)
    ensure_image(settings.home, tag=settings.sandbox_image, base_image=settings.base_image, say=tell)


def leave_no_sandbox(settings: Settings) -> None:
    """Remove this home's sandboxes, and stop the Docker engine if it was started from here."""
    from repo_agent_dagster.sandbox import SandboxUnavailable, reap_all, stop_engine

    with suppress(SandboxUnavailable):  # an engine that does not answer runs nothing of ours that we could remove
        reap_all(settings.home)
    stop_engine(settings.home)


def up(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the Dagster UI; 0 takes a free one.")
    ] = None,
) -> None:
    """Start Dagster with all sensors and schedules, and stay up until Ctrl-C.

    Drop a folder into the STAGING folder and watch it being migrated; submit work with `repo-agent task invoke`.
    """
    settings = Settings() if port is None else Settings(webserver_port=port)
    interrupt_on_signals()
    with home_lock(settings.home):
        services = DagsterServices(settings)
        try:
            console.print("[bold]preparing[/]")
            prepare_folders(settings)
            prepare_store(settings)
            prepare_sandboxes(settings, lambda line: console.print(f"  {line}", highlight=False, markup=False))
            services.start()
            with console.status("starting Dagster") as status:
                services.wait_until_ready(on_wait=lambda missing: status.update(f"starting Dagster: {missing}"))
            console.print(f"[bold green]up[/]  Dagster UI   {services.url}", highlight=False)
            console.print(f"    STAGING      {settings.staging}", highlight=False)
            console.print(f"    target       {settings.target_root}", highlight=False)
            console.print(f"    reports      {settings.reports}", highlight=False)
            console.print("    Ctrl-C stops everything", highlight=False)
            while True:
                time.sleep(1)
                services.check_alive()
        except KeyboardInterrupt:
            console.print("stopping")
        finally:
            services.stop()
            leave_no_sandbox(settings)
    console.print("stopped")
