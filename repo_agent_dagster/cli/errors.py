"""How the terminal faces tell a fault: one line, no traceback, an exit code that scripts can test."""

from typing import Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from repo_agent_dagster.contracts.faults import PermanentFault, RepoAgentError
from repo_agent_dagster.settings import Settings

EXIT_INVALID = 2
EXIT_TRANSIENT = 75  # sysexits.h EX_TEMPFAIL: try again later


class FaultTellingGroup(TyperGroup):
    """A command group that turns our faults into a message and an exit code: 2 permanent, 75 worth another try."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; tell a fault instead of showing a traceback."""
        try:
            return super().invoke(ctx)
        except RepoAgentError as fault:
            _tell(str(fault))
            raise typer.Exit(EXIT_INVALID if isinstance(fault, PermanentFault) else EXIT_TRANSIENT) from fault
        except ValidationError as error:
            if error.title != Settings.__name__:
                raise
            for problem in wrong_settings(error):
                _tell(problem)
            raise typer.Exit(EXIT_INVALID) from error


def wrong_settings(error: ValidationError) -> list[str]:
    """Tell what is wrong with each setting, by the name that its user gave it."""
    told = []
    for problem in error.errors():
        name = f"{Settings.model_config['env_prefix']}{'_'.join(map(str, problem['loc']))}".upper()
        told.append(f"setting {name} is {problem['input']!r}: {problem['msg']}; see `repo-agent settings`")
    return told


def _tell(message: str) -> None:
    Console(stderr=True).print(f"[bold red]error[/] {escape(message)}", highlight=False, soft_wrap=True)
