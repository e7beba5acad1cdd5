"""`repo-agent approvals`: the gates that wait for a person, and deciding them."""

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from repo_agent_dagster.cli.errors import FaultTellingGroup
from repo_agent_dagster.cli.migration_view import print_json, show_rows
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.goals import Verdict

if TYPE_CHECKING:
    from repo_agent_dagster.store.approvals import Approval

app = typer.Typer(
    name="approvals",
    cls=FaultTellingGroup,
    help="Plans that wait for a person: list them, look at one, approve or reject it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Id = Annotated[str, typer.Argument(help="The approval's id, or its beginning if that is unique among the pending.")]
By = Annotated[str | None, typer.Option("--by", help="Who decides; default: the user of this terminal.")]
Why = Annotated[str, typer.Option("--because", help="Why; kept with the decision.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine output.")]


@app.command("list")
def list_command(
    everything: Annotated[bool, typer.Option("--all", help="Those that are decided, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the approvals that wait, oldest first."""
    from repo_agent_dagster.cli.staging_environment import open_engine
    from repo_agent_dagster.store import approvals
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(open_engine()) as conn:
        found = approvals.listing(conn) if everything else approvals.pending(conn)
    show_rows([_row(approval) for approval in found], as_json=as_json, empty="Nothing waits for an approval.")


@app.command()
def show(approval_id: Id, as_json: AsJson = False) -> None:
    """Show one approval: what is asked for, and what was decided."""
    found = _find(approval_id)
    if as_json:
        print_json({**_row(found), "payload": found.payload, "rationale": found.rationale})
        return
    rows = [{"field": name, "value": value} for name, value in {**_row(found), **(found.payload or {})}.items()]
    show_rows(rows, as_json=False, empty="")


@app.command()
def approve(approval_id: Id, by: By = None, because: Why = "") -> None:
    """Let a plan through: its next run, or the next tick of the queue, goes on with it.

    Example: `repo-agent approvals approve 0199 --because "looked at the diff"`
    """
    _decide(approval_id, Verdict.APPROVED, by, because)


@app.command()
def reject(approval_id: Id, by: By = None, because: Why = "") -> None:
    """Refuse a plan: nothing of it is written; a changed unit makes a new plan."""
    _decide(approval_id, Verdict.REJECTED, by, because)


def _decide(approval_id: str, verdict: Verdict, by: str | None, because: str) -> None:
    from repo_agent_dagster.cli.staging_environment import open_engine
    from repo_agent_dagster.store import approvals
    from repo_agent_dagster.store.engine import write_transaction

    found = _find(approval_id)
    who = by or getpass.getuser()
    with write_transaction(open_engine()) as conn:
        decided = approvals.decide(conn, found.id, verdict, by=who, rationale=because, now=datetime.now(UTC))
    if not decided:
        after = _find(found.id)
        raise PermanentFault(f"approval {after.id} is decided already: {after.verdict} by {after.decided_by}")
    Console().print(f"{verdict.value} {escape(found.id)} by {escape(who)}", highlight=False, soft_wrap=True)


def _find(approval_id: str) -> "Approval":
    from repo_agent_dagster.cli.staging_environment import open_engine
    from repo_agent_dagster.store import approvals
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(open_engine()) as conn:
        found = approvals.get(conn, approval_id)
        alike = [one for one in approvals.pending(conn) if one.id.startswith(approval_id)] if found is None else [found]
    if len(alike) == 1:
        return alike[0]
    known = f"{len(alike)} pending approvals begin so" if alike else "no approval has this id"
    raise PermanentFault(f"{approval_id}: {known}; `repo-agent approvals list` shows them")


def _row(approval: "Approval") -> dict[str, Any]:
    payload = approval.payload or {}
    return {
        "id": approval.id,
        "what": approval.source,
        "unit": payload.get("unit", ""),
        "into": payload.get("target_root", ""),
        "verdict": approval.verdict.value,
        "by": approval.decided_by or "",
        "asked": approval.created_at.isoformat(timespec="seconds"),
    }
