"""`repo-agent reports publish`: bring reports to where they are read, once, or whenever there is a newer version."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from repo_agent_dagster.cli.report_options import AsJson, ReportRequestError, reports_environment, shown

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.reports.environment import ReportsEnvironment
    from repo_agent_dagster.reports.publishing.outcomes import PublishingResult
    from repo_agent_dagster.store.report_publications import Delivery

console = Console()

SecretEnv = Annotated[
    str | None,
    typer.Option("--secret-env", help="Of a webhook: the environment variable with its secret, not the secret."),
]


def publish(
    orders: Annotated[list[str] | None, typer.Argument(metavar="ORDER", help="Ids of orders.")] = None,
    weeks: Annotated[list[str] | None, typer.Option("--week", help="A weekly digest, e.g. 2026-W10.")] = None,
    due: Annotated[bool, typer.Option("--due", help="All that is to be published somewhere and is not yet.")] = False,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="TARGET",
            help="file:FOLDER, artifact:PREFIX, github:owner/name, github:owner/name#12, or a URL. "
            "Without it: the targets that the order has.",
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Also each newer version, by itself.")] = False,
    secret_env: SecretEnv = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would go where; send nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Publish reports now. What is there already is edited or replaced, never doubled.

    Exit code 75 if something waits to be tried again, 1 if something was refused.

    Example: `repo-agent reports publish 42 --to github:acme/shop#12 --follow`
    """
    documents = [*(f"order {order}" for order in orders or ()), *(f"week {week}" for week in weeks or ())]
    if bool(documents) == due:
        raise ReportRequestError("name orders or weeks, or give --due; `repo-agent reports list` shows the orders")
    if (follow or secret_env) and to is None:
        raise ReportRequestError("--follow and --secret-env are about the target that --to names; give --to")
    if due and to is not None:
        raise ReportRequestError("--due goes where it is due; name orders or weeks for --to")
    from repo_agent_dagster.reports.publishing.publisher import publish_asked, publish_due

    environment = reports_environment()
    _refuse_unmade(environment.engine, documents)
    if dry_run:
        _show_plan(environment, documents, to)
        return
    now = environment.now()
    if due:
        done = publish_due(environment.engine, environment.means, now=now)
    else:
        target_ids = None if to is None else _targets(environment, documents, to, follow, secret_env)
        done = publish_asked(environment.engine, environment.means, documents, target_ids=target_ids, now=now)
        if not (done.done or done.problems):
            raise ReportRequestError(
                "there is no target for it: give --to, or add one with `repo-agent reports targets add`"
            )
    _show(done, as_json)


def _targets(
    environment: "ReportsEnvironment", documents: Sequence[str], to: str, follow: bool, secret_env: str | None
) -> list[str]:
    from repo_agent_dagster.reports.publishing.targets import parsed_target
    from repo_agent_dagster.store import report_targets
    from repo_agent_dagster.store.engine import write_transaction

    target = parsed_target(to)
    secret_env = secret_of(environment, target.kind, secret_env)
    with write_transaction(environment.engine) as connection:
        return [
            report_targets.add(
                connection,
                document,
                target.kind,
                target.address,
                secret_env=secret_env,
                is_lasting=follow,
                now=environment.now(),
            ).id
            for document in documents
        ]


def secret_of(environment: "ReportsEnvironment", kind: str, secret_env: str | None) -> str | None:
    """Return the variable with the secret of a target of this kind: the one that is named, else the settings' own."""
    if kind != "webhook":
        if secret_env is not None:
            raise ReportRequestError("--secret-env is for webhooks; other targets are not signed")
        return None
    if secret_env is None:
        return environment.means.secret_env
    from repo_agent_dagster.notify import checked_variable

    return checked_variable(secret_env)


def _refuse_unmade(engine: "Engine", documents: Sequence[str]) -> None:
    from repo_agent_dagster.reports.publishing.documents import load_now
    from repo_agent_dagster.store.report_targets import Document

    for document in map(Document.of_key, documents):
        if load_now(engine, document) is None:
            kind, verb = ("order", "generate") if document.kind == "order" else ("week", "digest")
            raise ReportRequestError(
                f"{kind} {document.id!r} has no report; `repo-agent reports {verb}` makes one, and "
                "`repo-agent reports list` shows those there are"
            )


def _show_plan(environment: "ReportsEnvironment", documents: Sequence[str], to: str | None) -> None:
    from repo_agent_dagster.reports.publishing.targets import parsed_target
    from repo_agent_dagster.store import report_publications, report_targets
    from repo_agent_dagster.store.engine import read_transaction

    if to is not None:
        for document in documents:
            console.print(shown(f"{document} would go to {parsed_target(to).text}"), highlight=False, soft_wrap=True)
        return
    with read_transaction(environment.engine) as connection:
        if documents:
            plan = report_publications.asked_for(connection, documents)
        else:
            plan = report_publications.due(connection, now=environment.now())
        known = {(one.kind, one.address) for one in report_targets.matching(connection, document="")}
    for delivery in plan:
        console.print(shown(_planned(delivery)), highlight=False, soft_wrap=True)
    new = [one for one in environment.means.targets if (one.kind, one.address) not in known and not documents]
    for target in new:
        console.print(shown(f"{target.text}, new in the settings, would be followed"), highlight=False, soft_wrap=True)
    if not (plan or new):
        console.print("nothing would be published")


def _planned(delivery: "Delivery") -> str:
    from repo_agent_dagster.reports.publishing.targets import Target

    there = delivery.publication.version if delivery.publication is not None else 0
    what = f"{delivery.document.key} v{delivery.version} would go to "
    what += Target(delivery.target.kind, delivery.target.address).text
    return f"{what}, where v{there} stands" if there else what


def _show(done: "PublishingResult", as_json: bool) -> None:
    from repo_agent_dagster.cli.errors import EXIT_TRANSIENT

    if as_json:
        rows = [
            {
                "document": one.document.key,
                "version": one.version,
                "target": one.target.text,
                "place": one.place,
            }
            for one in done.done
        ]
        told = {"published": rows, "waiting": done.waiting, "refused": done.refused, "problems": done.problems}
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        for one in done.done:
            line = f"[green]published[/] {shown(one.document.key)} v{one.version}  {shown(one.place)}"
            console.print(line, highlight=False, soft_wrap=True)
        for problem in done.problems:
            console.print(shown(problem), style="yellow", highlight=False, soft_wrap=True)
        if not (done.done or done.problems):
            console.print("all is published already")
    if done.refused:
        raise typer.Exit(1)
    if done.waiting or done.is_busy:
        raise typer.Exit(EXIT_TRANSIENT)
