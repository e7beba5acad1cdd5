"""What the commands of `repo-agent reports` share: their store, their options, and how they write numbers and names."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

AsJson = Annotated[bool, typer.Option("--json", help="Machine output.")]


class ReportRequestError(PermanentFault):
    """What was asked for on the command line cannot be answered."""


def report_store() -> "Engine":
    """Open the configured store, brought up to this version's schema."""
    from repo_agent_dagster.store.revision import open_upgraded

    return open_upgraded(Settings().store_url)


def percent(rate: float | None) -> str:
    """Return a rate of 0–1 in per cent; a dash when there is none."""
    return "–" if rate is None else f"{rate:.1%}"


def camel(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with its names as they are in JSON."""
    from pydantic.alias_generators import to_camel

    return {to_camel(name): value for name, value in row.items()}
