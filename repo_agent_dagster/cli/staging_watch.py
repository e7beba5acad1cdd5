"""`migrate-staging watch` and `migrate-staging dashboard`: the STAGING folder followed and shown without Dagster."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from repo_agent_dagster.cli.signals import interrupt_on_signals
from repo_agent_dagster.cli.staging_options import Into, Staging, target_root
from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from repo_agent_dagster.migration.units.known_hashes import KnownHashes
    from repo_agent_dagster.migration.units.scan import StagingUnit
    from repo_agent_dagster.migration.units.watching import Watch, Watched

Migrate = Callable[[Path], None]
"""Migrates the unit in a folder, and raises a fault if that fails: a transient one is tried again."""
MakeMigrate = Callable[[Path, Path], Migrate]
"""Makes a `Migrate` for a STAGING folder and a target root."""

INTERVAL_SECONDS = 1.0
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
_COLOURS = {"migrated": "green", "failed": "red", "broken": "red", "circular": "red", "waiting": "yellow"}


@dataclass(frozen=True)
class Outcome:
    """What became of one content of a unit: its digest, whether it was migrated, and what there is to say."""

    digest: str
    ok: bool
    said: str = ""


@dataclass
class Follower:
    """Follows one STAGING folder: looks, migrates what is ready, remembers what became of it."""

    watch: "Watch"
    migrate: Migrate
    known: "KnownHashes"
    clock: Callable[[], datetime]
    tell: Callable[[str], None]
    seen: dict[str, "Watched"] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    is_first: bool = True

    def round(self) -> bool:
        """Look once and migrate what is ready, one after the other; return whether anything was tried."""
        from repo_agent_dagster.migration.units.scan import Look, scan_staging

        units = scan_staging(self.watch.staging_dir, Look(self.known))
        if self.is_first:
            self.seen, self.is_first = _stood_before(units), False
        found = self.watch.look(units, self.seen, now=self.clock())
        self.seen = dict(found.watched)
        self.outcomes = {unit.name: self.outcomes[unit.name] for unit in units if unit.name in self.outcomes}
        for trouble in found.troubles:
            self.tell(f"[red]{escape(trouble.unit.name)}[/] {escape(trouble.reason)}")
        for ready in found.ready:
            self._migrate(ready.unit)
        return bool(found.ready)

    def _migrate(self, unit: "StagingUnit") -> None:
        name = escape(unit.name)
        if self.watch.is_migrated(self.seen[unit.name].unit or unit.name, unit.digest):
            self.outcomes[unit.name] = Outcome(unit.digest, ok=True, said="was migrated before")
            return
        self.tell(f"[bold]{name}[/] …")
        try:
            self.migrate(unit.path)
        except TransientFault as fault:
            self.outcomes[unit.name] = Outcome(unit.digest, ok=False, said=str(fault))
            self.tell(f"[yellow]{name}[/] try again: {escape(str(fault))}")
            del self.seen[unit.name]  # to be looked at as if it were new
        except (PermanentFault, typer.Exit) as fault:
            said = f"exit code {fault.exit_code}" if isinstance(fault, typer.Exit) else str(fault)
            self.outcomes[unit.name] = Outcome(unit.digest, ok=False, said=said)
            self.tell(f"[red]✗[/] {name} {escape(said)}")
        else:
            self.outcomes[unit.name] = Outcome(unit.digest, ok=True)
            self.tell(f"[green]✓[/] {name}")

    @property
    def has_failed(self) -> bool:
        """Whether a unit failed, or cannot be migrated as it is."""
        stuck = any(watched.state in ("broken", "circular") for watched in self.seen.values())
        return stuck or any(not outcome.ok for outcome in self.outcomes.values())

    def table(self) -> Table:
        """Return what there is, as it stands."""
        table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
        for column in ("unit", "state", ""):
            table.add_column(column, overflow="fold")
        for name, watched in sorted(self.seen.items()):
            state, said = self._state(name, watched)
            colour = _COLOURS.get(state)
            shown = f"[{colour}]{state}[/]" if colour else state
            table.add_row(escape(name), shown, escape(said.partition("\n")[0]))
        if not self.seen:
            table.add_row(f"[dim]nothing in {escape(str(self.watch.staging_dir))} yet[/]", "", "")
        return table

    def _state(self, name: str, watched: "Watched") -> tuple[str, str]:
        outcome = self.outcomes.get(name)
        if watched.state == "handed_on" and outcome is not None:
            return ("migrated" if outcome.ok else "failed"), outcome.said
        if watched.state == "changing":
            stood = (self.clock() - watched.since).total_seconds()
            return "changing", f"unchanged for {stood:.0f} of {self.watch.settle_seconds:g} s"
        return watched.state, watched.reason


def follow(follower: Follower, console: Console, *, once: bool, pause: Callable[[float], None] = time.sleep) -> None:
    """Go round until Ctrl-C; with `once`, until a round finds nothing ready. The table is live while nothing runs."""
    if once:
        while follower.round():
            pass
        console.print(follower.table())
        return
    while True:
        follower.round()
        with Live(follower.table(), console=console, transient=True, auto_refresh=False) as live:
            for _ in range(max(1, round(follower.watch.settle_seconds / 4 / INTERVAL_SECONDS))):
                pause(INTERVAL_SECONDS)
                live.update(follower.table(), refresh=True)


def watch_command(make_migrate: MakeMigrate) -> Callable[..., None]:
    """Return the command `watch`, which migrates with what `make_migrate` makes."""

    def watch(
        staging: Staging = None,
        into: Into = None,
        once: Annotated[
            bool, typer.Option("--once", help="Migrate what is settled now, each after those it comes after, and end.")
        ] = False,
    ) -> None:
        """Follow the STAGING folder and migrate each unit when it settles, without Dagster, until Ctrl-C.

        Exit codes: 0 done · 1 with --once: a unit failed or its manifest is broken · 2 wrong input · 130 Ctrl-C.

        Example: `migrate-staging watch --staging ./STAGING --into ~/monorepo`
        """
        settings, console = Settings(), Console()
        folder, root = staging or settings.staging, target_root(into)
        if not folder.is_dir():
            raise PermanentFault(f"there is no STAGING folder {folder}; make it, or name another one")
        interrupt_on_signals()
        follower = _follower(settings, folder.resolve(), root.resolve(), make_migrate, console)
        if not once:
            console.print(f"watching {folder} → {root}; Ctrl-C ends", highlight=False, soft_wrap=True)
        try:
            follow(follower, console, once=once)
        except KeyboardInterrupt:
            console.print(follower.table())
            console.print("stopped")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        if follower.has_failed:
            raise typer.Exit(EXIT_FAILED)

    return watch


def dashboard(
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; default `home`/reports/staging.html.")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the dashboard of all units as one HTML page that needs nothing else, and print where it is.

    Example: `migrate-staging dashboard --out units.html --open`
    """
    import webbrowser

    from repo_agent_dagster.migration.reporting.dashboard import render_dashboard
    from repo_agent_dagster.migration.reporting.unit_states import unit_states
    from repo_agent_dagster.pages.writing import write_whole
    from repo_agent_dagster.store import staging_migrations
    from repo_agent_dagster.store.engine import read_transaction
    from repo_agent_dagster.store.revision import open_upgraded

    settings = Settings()
    page = (out or settings.reports / "staging.html").expanduser().absolute()
    with read_transaction(open_upgraded(settings.store_url)) as conn:
        states = unit_states(staging_migrations.listing(conn, limit=_UNITS_SHOWN))
    try:
        write_whole(page, render_dashboard(states, generated_at=_now()))
    except OSError as error:
        raise PermanentFault(f"{page} cannot be written: {error.strerror}; name another file with --out") from error
    typer.echo(page)
    if show:
        webbrowser.open(page.as_uri())


_UNITS_SHOWN = 5000


def _follower(settings: Settings, staging: Path, root: Path, make_migrate: MakeMigrate, console: Console) -> Follower:
    from repo_agent_dagster.migration.units.arrived import has_arrived
    from repo_agent_dagster.migration.units.known_hashes import KnownHashes
    from repo_agent_dagster.migration.units.watching import Watch
    from repo_agent_dagster.store.engine import read_transaction
    from repo_agent_dagster.store.revision import open_upgraded

    engine = open_upgraded(settings.store_url)

    def is_migrated(unit: str, digest: str | None) -> bool:
        with read_transaction(engine) as conn:
            return has_arrived(conn, unit, digest, target_root=str(root))

    return Follower(
        Watch(staging, settings.staging_settle_seconds, is_migrated),
        make_migrate(staging, root),
        KnownHashes(settings.staging_cache, staging),
        clock=_now,
        tell=lambda line: console.print(line, highlight=False, soft_wrap=True),
    )


def _stood_before(units: "list[StagingUnit]") -> "dict[str, Watched]":
    """Return the units as a look would have seen them when they last changed: who starts late need not wait again."""
    from repo_agent_dagster.migration.units.watching import DIGEST_LENGTH, Watched

    return {
        unit.name: Watched(unit.digest[:DIGEST_LENGTH], since=unit.last_changed)
        for unit in units
        if not unit.unfinished
    }


def _now() -> datetime:
    return datetime.now(UTC)
