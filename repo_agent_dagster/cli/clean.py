"""`repo-agent clean`: end what we started and remove what we made."""

import shutil
from typing import Annotated

import typer
from rich.console import Console

from repo_agent_dagster.cli.services import end_processes, home_lock, marked_processes
from repo_agent_dagster.settings import Settings

console = Console()


def clean(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    images: Annotated[bool, typer.Option("--images", help="Remove the sandbox and base images too.")] = False,
) -> None:
    """Stop leftover services, remove this home's sandboxes and the home folder itself.

    The Docker images stay unless asked for, since they cost minutes; a Docker engine that we started is stopped.
    """
    settings = Settings()
    if not yes and settings.home.exists():
        typer.confirm(f"Remove {settings.home} with its database, logs and reports?", abort=True)
    with home_lock(settings.home):
        end_processes(marked_processes(settings.home))
        _remove_containers(settings, images=images)
        shutil.rmtree(settings.home)
    console.print(f"removed {settings.home}", highlight=False)


def _remove_containers(settings: Settings, *, images: bool) -> None:
    from repo_agent_dagster.sandbox import SandboxUnavailable, reap_all, remove_images, stop_engine

    try:
        removed = reap_all(settings.home).removed
        if removed:
            console.print(f"removed {sum(reaped.kind == 'sandbox' for reaped in removed)} sandbox(es)")
        if images:
            remove_images()
    except SandboxUnavailable:
        return  # no engine, so nothing of ours runs in it
    finally:
        stop_engine(settings.home)
