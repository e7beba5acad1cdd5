"""`migrate-staging`: a folder under STAGING becomes a part of the monorepo, checked, recorded and reversible."""

import typer

from repo_agent_dagster.cli import standards
from repo_agent_dagster.cli.errors import FaultTellingGroup
from repo_agent_dagster.cli.staging_init import init_command
from repo_agent_dagster.cli.staging_inventory import inventory_command
from repo_agent_dagster.cli.staging_run import migrate_settled, plan_command, rollback, run
from repo_agent_dagster.cli.staging_status import list_command, schema, status
from repo_agent_dagster.cli.staging_watch import dashboard, watch_command

_HELP = """Bring a STAGING unit into the monorepo: copied, merged, its imports made right, checked, or nothing changed.

A *unit* is a folder with a `migration-manifest.yaml`. Try it in this order:

1. `migrate-staging init UNIT --into ROOT` writes a first manifest by reading the folder.

2. `migrate-staging plan UNIT --into ROOT` shows the exact diff and every import that changes; it writes nothing.

3. `migrate-staging run UNIT --into ROOT` does it and validates the result in a sandbox; what fails is rolled back.

Run again, it says that there is nothing to do. What people changed in ROOT is merged, never overwritten.
`migrate-staging rollback UNIT` takes it back.

Exit codes: 0 done or nothing to do · 2 wrong input · 3 conflict, nothing written · 4 a check failed (rolled back,
unless the manifest says `on_failure: keep`) · 5 waiting for approval · 75 try again later.
"""

app = typer.Typer(
    name="migrate-staging",
    cls=FaultTellingGroup,
    help=_HELP,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)


@app.callback()
def main() -> None:
    """Hold the commands together; the help is the app's."""


app.command("init")(init_command)
app.command("inventory")(inventory_command)
app.command("plan")(plan_command)
app.command()(run)
app.command()(status)
app.command()(rollback)
standards.add_to(app)
app.command("list")(list_command)
app.command("watch")(watch_command(migrate_settled))
app.command()(dashboard)
app.command()(schema)
