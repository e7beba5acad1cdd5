"""`repo-agent db`: bring the store's schema up to date, say where it stands, and write its seed rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from repo_agent_dagster.cli.errors import FaultTellingGroup
from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = typer.Typer(
    cls=FaultTellingGroup,
    help="Look after the store: its schema and its seed rows. Every command may be repeated.",
    no_args_is_help=True,
)
console = Console()

DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        metavar="URL",
        help="sqlite:///path or postgresql://user@host/name. Default: REPO_AGENT_DATABASE_URL, else the file"
        " repo_agent.db in REPO_AGENT_HOME (.repo_agent).",
    ),
]


@app.command()
def upgrade(database_url: DatabaseUrl = None) -> None:
    """Apply the schema revisions that the database lacks; creates the SQLite file if there is none.

    Example: `repo-agent db upgrade --database-url postgresql://me@localhost/repo_agent`
    """
    from repo_agent_dagster.store.migrate import current_revision, head_revision
    from repo_agent_dagster.store.migrate import upgrade as apply_revisions

    with _store(database_url) as engine:
        before, head = current_revision(engine), head_revision()
        apply_revisions(engine)
        if before == head:
            _say(engine, f"is at revision {head} already; nothing to do")
        else:
            _say(engine, f"upgraded from {before or 'nothing'} to revision {head}")


@app.command()
def current(database_url: DatabaseUrl = None) -> None:
    """Print the database's revision, and the newest one if it is behind; the database is only read.

    Exit codes: 0 up to date, 1 an upgrade is due, 2 wrong URL, 75 unreachable at the moment.
    """
    from repo_agent_dagster.store.migrate import current_revision, head_revision

    with _store(database_url) as engine:
        found = current_revision(engine) if _exists(engine) else None
        head = head_revision()
        if found == head:
            _say(engine, f"is at revision {head}, the newest")
            return
        _say(engine, f"is at {found or 'no revision'}; the newest is {head}: run `repo-agent db upgrade`")
    raise typer.Exit(1)


@app.command()
def seed(database_url: DatabaseUrl = None) -> None:
    """Write the rows that every installation starts with (the pathways), after any upgrade that is due.

    A row that is there and equal is left alone; one that differs from the seed is updated.
    """
    from repo_agent_dagster.store.migrate import upgrade as apply_revisions
    from repo_agent_dagster.store.seed import seed as write_seeds

    with _store(database_url) as engine:
        apply_revisions(engine)
        written = write_seeds(engine, now=datetime.now(UTC))
        rows = "1 seed row" if written == 1 else f"{written} seed rows"
        _say(engine, f"{rows} written" if written else "has every seed row already; nothing to do")


@contextmanager
def _store(database_url: str | None) -> Iterator["Engine"]:
    """Open the store for one command; what the database refuses is raised as a fault."""
    from repo_agent_dagster.store.engine import open_store
    from repo_agent_dagster.store.errors import told_as_faults

    engine = open_store(database_url or Settings().store_url)
    try:
        with told_as_faults(engine):
            yield engine
    finally:
        engine.dispose()


def _exists(engine: "Engine") -> bool:
    """Whether there is anything to ask: connecting to SQLite would create a missing file."""
    return engine.dialect.name != "sqlite" or Path(engine.url.database or "").exists()


def _say(engine: "Engine", what: str) -> None:
    place = engine.url.render_as_string(hide_password=True)
    console.print(f"[bold]{escape(place)}[/] {escape(what)}", highlight=False, soft_wrap=True)
