"""`repo-agent api`: the HTTP face, in the foreground until Ctrl-C."""

from typing import Annotated, Any

import typer
from rich.console import Console

from repo_agent_dagster.cli.signals import interrupt_on_signals
from repo_agent_dagster.settings import Settings


def api(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default REPO_AGENT_API_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port, 0 for a free one; default REPO_AGENT_API_PORT.")
    ] = None,
) -> None:
    """Serve the HTTP API until Ctrl-C: queue tasks, decide approvals, see the STAGING units.

    Without REPO_AGENT_API_TOKEN only clients of this machine are served. `repo-agent up` works the queue off.
    """
    from repo_agent_dagster.api import serve

    given: dict[str, Any] = {"api_host": host, "api_port": port}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    console = Console()

    def tell(url: str) -> None:
        interrupt_on_signals()  # from here on there are requests to be ended in good order
        console.print(f"[bold green]up[/]  API          {url}/api/v1/openapi.json", highlight=False, soft_wrap=True)
        console.print(f"    STAGING      {url}/staging", highlight=False, soft_wrap=True)

    try:
        serve(settings, started=tell)
    except KeyboardInterrupt:
        console.print("stopped")
