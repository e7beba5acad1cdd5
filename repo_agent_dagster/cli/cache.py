"""`repo-agent cache`: what is kept for the next task: mirrors of repositories, and what their set-ups installed."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from repo_agent_dagster.cli.errors import EXIT_INVALID
from repo_agent_dagster.settings import Settings

app = typer.Typer(
    help="Look at and remove what is kept for the next task: mirrors of repositories and installed set-ups.",
    no_args_is_help=True,
)
Json = Annotated[bool, typer.Option("--json", help="Machine output.")]


@dataclass(frozen=True)
class Kept:
    """One thing that is kept; `url` is the repository's, without credentials, and `size` is in bytes."""

    kind: Literal["mirror", "setup"]
    name: str
    url: str
    size: int
    last_use: datetime
    in_use: bool = False
    summary: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it as `--json` prints it."""
        return {
            "kind": self.kind,
            "name": self.name,
            "url": self.url,
            "bytes": self.size,
            "lastUse": self.last_use.isoformat(),
            "inUse": self.in_use,
            "summary": self.summary,
        }


@app.command("ls")
def listing(as_json: Json = False) -> None:
    """List what is kept, each kind by its last use, and the room that there is for it."""
    settings = Settings()
    now = datetime.now(UTC)
    mirrors, setups = _mirrors(settings), _setups(settings)
    if as_json:
        _print_json(
            {
                "mirrors": {"budget": settings.mirror_budget_mb << 20, "kept": [one.as_json() for one in mirrors]},
                "setups": {"budget": settings.setup_cache_mb << 20, "kept": [one.as_json() for one in setups]},
            }
        )
        return
    if mirrors or setups:
        repository = Column("repository", overflow="fold")
        table = Table("kind", repository, "size", "last use", "", box=None, header_style="bold")
        for one in [*mirrors, *setups]:
            note = "in use" if one.in_use else one.summary
            row = (one.kind, escape(one.url or one.name), _mib(one.size), _ago(now - one.last_use), escape(note))
            table.add_row(*row)
        Console().print(table)
    _say(f"mirrors: {_total(mirrors)} of {settings.mirror_budget_mb} MiB, in {settings.mirrors}")
    _say(f"set-ups: {_total(setups)} of {settings.setup_cache_mb} MiB, in {settings.setup_cache}")


@app.command()
def prune(
    mirrors: Annotated[bool, typer.Option("--mirrors", help="Only mirrors of repositories.")] = False,
    setups: Annotated[bool, typer.Option("--setups", help="Only installed set-ups.")] = False,
    to_mb: Annotated[
        int | None, typer.Option("--to-mb", min=0, metavar="N", help="Leave at most N MiB of each kind.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Leave nothing but what a task uses now.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")] = False,
    as_json: Json = False,
) -> None:
    """Remove what was not used for longest, until the rest fits into the budget of its kind.

    The budgets are REPO_AGENT_MIRROR_BUDGET_MB and REPO_AGENT_SETUP_CACHE_MB; tasks keep to them by themselves. What
    is removed is fetched or installed again by the next task that needs it; a mirror that a task uses stays.
    """
    from repo_agent_dagster.pathways.setup.kept import KeptSetups
    from repo_agent_dagster.sandbox.repositories.pruning import prune_mirrors

    if everything and to_mb is not None:
        typer.echo("--all and --to-mb say two things; give one", err=True)
        raise typer.Exit(EXIT_INVALID)
    settings = Settings()
    both = mirrors == setups
    limit = 0 if everything else to_mb
    gone: list[Kept] = []
    if mirrors or both:
        budget = (settings.mirror_budget_mb if limit is None else limit) << 20
        removed = prune_mirrors(settings.mirrors, budget, dry_run=dry_run)
        gone += [Kept("mirror", one.name, one.url, one.size, one.last_use) for one in removed]
    if setups or both:
        budget = (settings.setup_cache_mb if limit is None else limit) << 20
        kept = KeptSetups(settings.setup_cache, settings.setup_cache_mb).prune(budget, dry_run=dry_run)
        gone += [Kept("setup", one.key, one.url, one.bytes, one.last_used, summary=one.summary) for one in kept]
    if as_json:
        _print_json({"dryRun": dry_run, "bytes": sum(one.size for one in gone), "removed": [g.as_json() for g in gone]})
        return
    verb = "would remove" if dry_run else "removed"
    for one in gone:
        _say(f"{verb} the {one.kind} of {one.url or one.name}, {_mib(one.size)}")
    _say(f"{verb} {_total(gone)} in all" if gone else "nothing to remove")


def _mirrors(settings: Settings) -> list[Kept]:
    from repo_agent_dagster.sandbox.repositories.pruning import list_mirrors

    found = list_mirrors(settings.mirrors)
    return [Kept("mirror", one.name, one.url, one.size, one.last_use, in_use=one.in_use) for one in found]


def _setups(settings: Settings) -> list[Kept]:
    from repo_agent_dagster.pathways.setup.kept import KeptSetups

    found = KeptSetups(settings.setup_cache, settings.setup_cache_mb).listing()
    return [Kept("setup", one.key, one.url, one.bytes, one.last_used, summary=one.summary) for one in found]


def _say(message: str) -> None:
    Console().print(message, highlight=False, markup=False, soft_wrap=True)


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2))


def _total(kept: list[Kept]) -> str:
    return _mib(sum(one.size for one in kept))


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"


def _ago(age: timedelta) -> str:
    days, seconds = divmod(max(0, int(age.total_seconds())), 86_400)
    if days:
        return f"{days} d ago"
    return f"{seconds // 3600} h ago" if seconds >= 3600 else f"{seconds // 60} min ago"
