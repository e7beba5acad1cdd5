"""What the commands of `repo-agent reports` share: their store, their options, and how they write numbers and names."""

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.pages.safety import one_line
from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from pydantic import BaseModel
    from sqlalchemy import Engine

    from repo_agent_dagster.reports.environment import ReportsEnvironment

MAX_SHOWN = 2000

AsJson = Annotated[bool, typer.Option("--json", help="Machine output.")]


class ReportRequestError(PermanentFault):
    """What was asked for on the command line cannot be answered."""


def report_store() -> "Engine":
    """Open the configured store, brought up to this version's schema."""
    from repo_agent_dagster.store.revision import open_upgraded

    return open_upgraded(Settings().store_url)


def print_document(document: "BaseModel") -> None:
    """Print a contract as JSON; on a terminal in ASCII, so that no text from a patch can steer it."""
    value = document.model_dump(mode="json", by_alias=True)
    typer.echo(json.dumps(value, indent=2, ensure_ascii=sys.stdout.isatty()))


def reports_environment() -> "ReportsEnvironment":
    """Return what reports are made and published with, by the settings."""
    from repo_agent_dagster.reports.environment import ReportsEnvironment
    from repo_agent_dagster.reports.options import options_of

    return ReportsEnvironment(options_of(Settings()), report_store(), lambda: datetime.now(UTC))


def shown(text: str) -> str:
    """Return untrusted text for the terminal: no markup, and nothing that would move the cursor or hide."""
    from rich.markup import escape

    return escape(one_line(text, MAX_SHOWN))


def percent(rate: float | None) -> str:
    """Return a rate of 0–1 in per cent; a dash when there is none."""
    return "–" if rate is None else f"{rate:.1%}"


def camel(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with its names as they are in JSON."""
    from pydantic.alias_generators import to_camel

    return {to_camel(name): value for name, value in row.items()}
