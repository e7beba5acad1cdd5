"""`repo-agent demo`: the whole loop on real input, from a folder in STAGING to a delivery report."""

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from repo_agent_dagster.cli.progress import StepBoard
from repo_agent_dagster.cli.services import DagsterServices, home_lock
from repo_agent_dagster.cli.signals import interrupt_on_signals
from repo_agent_dagster.cli.up import leave_no_sandbox, prepare_folders, prepare_sandboxes, prepare_store
from repo_agent_dagster.contracts.faults import RepoAgentError
from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from repo_agent_dagster.cli.demo_inputs import DemoInputs
    from repo_agent_dagster.cli.demo_loop import Row

PREPARE, START = "Docker engine and sandbox image", "Dagster: daemon, webserver, sensors, schedules"


def demo(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the Dagster UI while the demo runs; 0 takes a free one.")
    ] = 0,
) -> None:
    """Run the whole loop once, on a real Dagster and real Docker, and show what it did.

    A TypeScript worker is dropped into STAGING, migrated into a small monorepo and type-checked; a fix for a
    repository with a failing test is validated; a night's logs become ops issues; a delivery report is written.
    Everything is under the home folder (`.repo_agent/`), nothing else is touched. Exit code 0 only if every step did
    what it should.
    """
    console = Console()
    interrupt_on_signals()
    # The demo's own repository is a local one; a settings' reader sees the same value as Dagster's processes.
    os.environ["REPO_AGENT_REPO_PROTOCOLS"] = "file"
    settings = Settings(webserver_port=port)
    with home_lock(settings.home):
        try:
            rows, inputs = _run(console, settings)
        except KeyboardInterrupt:
            console.print("\n[yellow]stopped[/]; `make demo` starts again from the beginning")
            raise typer.Exit(130) from None
        except RepoAgentError as fault:
            console.print(f"\n[bold red]the demo did not finish:[/] {fault}", highlight=False, soft_wrap=True)
            raise typer.Exit(1) from None
    _show(console, settings, rows, inputs)
    if not all(row.ok for row in rows):
        raise typer.Exit(1)


def _run(console: Console, settings: Settings) -> "tuple[list[Row], DemoInputs]":
    # The loop loads the whole store, which would make every other command's --help wait.
    from repo_agent_dagster.cli.demo_inputs import make_inputs
    from repo_agent_dagster.cli.demo_loop import DemoLoop

    board = StepBoard(console, [PREPARE, START, *DemoLoop.TITLES])
    services = DagsterServices(settings)
    try:
        with board.shown():
            with board.step(PREPARE, narrated=True) as tell:
                prepare_folders(settings)
                prepare_store(settings)
                prepare_sandboxes(settings, tell)
            inputs = make_inputs(settings, now=datetime.now(UTC))
            with board.step(START) as tell:
                services.start()
                services.wait_until_ready(on_wait=lambda missing: tell(f"waiting for {missing}"))
                tell(services.url)
            rows = DemoLoop(settings, inputs, board, services).run()
    finally:
        services.stop()
        leave_no_sandbox(settings)
    return rows, inputs


def _show(console: Console, settings: Settings, rows: "list[Row]", inputs: "DemoInputs") -> None:
    table = Table("what", "result", "took", "run", title="What happened", title_justify="left", header_style="bold")
    for row in rows:
        sign = "[green]✓[/]" if row.ok else "[red]✗[/]"
        took = "" if row.seconds is None else f"{row.seconds:.1f} s"
        table.add_row(row.what, f"{sign} {row.result}", took, (row.run_id or "")[:8])
    console.print()
    console.print(table)
    report = next((row.path for row in rows if row.path), None)
    if report:
        console.print(f"delivery report of order {inputs.order_id}:", highlight=False)
        console.print(f"  {report}", highlight=False, soft_wrap=True)
    console.print(
        f"open the Dagster UI: [bold]make up[/] (or repo-agent up), then http://{settings.webserver_host}:{Settings().webserver_port}"
    )
