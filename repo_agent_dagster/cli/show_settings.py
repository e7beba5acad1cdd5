"""`repo-agent settings`: every setting, its value here, and the environment variable that changes it."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from repo_agent_dagster.settings import Settings


def settings(
    as_json: Annotated[bool, typer.Option("--json", help="Print {NAME: value} for scripts.")] = False,
) -> None:
    """Show every setting: its environment variable, its value now, and what it means."""
    prefix = Settings.model_config["env_prefix"]
    values = Settings().model_dump(mode="json")
    if as_json:
        typer.echo(json.dumps({f"{prefix}{name.upper()}": value for name, value in values.items()}, indent=2))
        return
    table = Table("variable", "value", "meaning", box=None, header_style="bold")
    for name, field in Settings.model_fields.items():
        shown = "" if values[name] is None else str(values[name])
        table.add_row(f"{prefix}{name.upper()}", shown, field.description or "")
    Console().print(table)
