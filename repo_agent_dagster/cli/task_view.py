"""One task on a terminal: where it stands, and what its sandbox prints."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.store.task_requests import TaskRequest
    from repo_agent_dagster.store.test_results import StoredCase


class Outcome(StrEnum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


_OUTCOME_STYLES = {"passed": "green", "failed": "red", "error": "red", "skipped": "yellow"}
_PAGE_LINES = 2000
_POLL_SECONDS = 0.3
_MARKS = {"stdin": "$ ", "stdout": "  ", "stderr": "! "}
_SHOWN_CHARACTERS = 2000


def show_status(console: Console, engine: "Engine", task: "TaskRequest", *, style: str) -> None:
    """Print a task: what was asked, its verdict and reasons, its steps, what it left."""
    from repo_agent_dagster.store import container_logs, test_results
    from repo_agent_dagster.store.engine import read_transaction

    console.print(f"[bold]{task.pathway.value}[/] {task.id}  [{style}]{task.status.value}[/]", highlight=False)
    result = task.result or {}
    with read_transaction(engine) as conn:
        counts = test_results.counts(conn, task.id)
        last = container_logs.last_line(conn, task.id) if task.is_open else None
    for name, value in _facts(task):
        console.print(f"[dim]{name:>10}[/]  {escape(value)}", highlight=False, soft_wrap=True)
    if "verdict" in result:
        console.print(
            f"[dim]   verdict[/]  [bold]{escape(str(result['verdict']).replace('_', ' '))}[/]", highlight=False
        )
    for reason in result.get("reasons", ()):
        console.print(Text(f"            {reason}"), soft_wrap=True)
    for run, outcomes in counts.items():
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        console.print(f"[dim]{'tests':>10}[/]  {escape(run)}: {told}", highlight=False)
    if result.get("durations"):
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for step, seconds in result["durations"].items():
            table.add_row(f"            {step.replace('_', ' ')}", f"{seconds:.2f} s")
        console.print(table)
    for artifact in result.get("artifacts", ()):
        console.print(Text(f"            {artifact['name']}  {artifact['url']}", style="dim"), soft_wrap=True)
    if result and "verdict" not in result:
        console.print(f"[dim]    result[/]  {escape(json.dumps(result, indent=2))}", highlight=False, soft_wrap=True)
    if last:
        console.print(f"[dim]last line[/]  {escape(last)}", highlight=False, soft_wrap=True)


def _facts(task: "TaskRequest") -> list[tuple[str, str]]:
    took = f" ({(task.ended_at - task.started_at).total_seconds():.1f} s)" if task.ended_at and task.started_at else ""
    rows: list[tuple[str, Any]] = [
        ("created", f"{task.created_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("started", task.started_at and f"{task.started_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("ended", task.ended_at and f"{task.ended_at:%Y-%m-%d %H:%M:%S} UTC{took}"),
        ("order", task.order_id),
        ("attempt", str(task.attempt) if task.attempt > 1 else None),
        ("run", task.dagster_run_id),
        ("prompt", task.initial_prompt),
        ("payload", _shortened(task.payload)),
        ("error", task.error),
    ]
    return [(name, str(value)) for name, value in rows if value]


def _shortened(payload: dict[str, Any]) -> str:
    told = {name: value for name, value in payload.items() if value not in (None, "", [], {}, False)}
    text = json.dumps(told, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]} … (--json shows all)"


def show_logs(engine: "Engine", task: "TaskRequest", *, follow: bool, limit: int | None) -> None:
    """Print a task's output, and go on until it has ended if `follow`; at most `limit` lines."""
    from repo_agent_dagster.store import ai_logs, container_logs, task_requests
    from repo_agent_dagster.store.engine import read_transaction

    line_id = thought_id = 0
    left = limit
    current: TaskRequest | None = task
    while current is not None:
        # Asked before the lines are read: what a task printed before it ended is then surely among them.
        with read_transaction(engine) as conn:
            current = task_requests.get(conn, task.id)
            page = _PAGE_LINES if left is None else min(left, _PAGE_LINES)
            rows = container_logs.listing(conn, task.id, after_id=line_id, limit=page) if page else []
            thoughts = ai_logs.listing(conn, task.id, after_id=thought_id) if follow else []
        for thought in thoughts:
            thought_id = thought.id
            typer.echo(f"# {thought.agent_name}: {thought.thought or 'asked the model'}")
        for row in rows:
            line_id = row.id
            typer.echo(_MARKS[row.stream] + row.log_content.rstrip("\n"))
        if left is not None:
            left -= len(rows)
        if len(rows) == page and page:
            continue
        if not follow or current is None or not current.is_open or left == 0:
            break
        time.sleep(_POLL_SECONDS)
    if follow and current is not None and not current.is_open:
        typer.echo(f"# {current.status.value}{f': {current.error}' if current.error else ''}")


def show_tests(engine: "Engine", task: "TaskRequest", *, run: str | None, outcome: str | None, as_json: bool) -> None:
    """Print the tests of a task, one line each: run, outcome, seconds, id; with the message where one failed."""
    cases = [case for case in _cases(engine, task, run) if outcome in (None, case.outcome)]
    if as_json:
        rows = [{name: value for name, value in asdict(case).items() if name != "id"} for case in cases]
        typer.echo(json.dumps(rows, indent=2))
        return
    console = Console(highlight=False)
    if not cases:
        console.print("no tests")
    for case in cases:
        seconds = "       " if case.duration_seconds is None else f"{case.duration_seconds:6.2f}s"
        line = Text(f"{case.run:12} ")
        line.append(f"{case.outcome:8}", style=_OUTCOME_STYLES[case.outcome])
        line.append(f"{seconds} {case.case}")
        console.print(line, soft_wrap=True)
        if case.message and case.outcome in ("failed", "error"):
            console.print(Text(f"             {case.message.splitlines()[0]}", style="dim"), soft_wrap=True)


def _cases(engine: "Engine", task: "TaskRequest", run: str | None) -> "Iterator[StoredCase]":
    from repo_agent_dagster.store import test_results
    from repo_agent_dagster.store.engine import read_transaction

    after_id = 0
    while True:
        with read_transaction(engine) as conn:
            page = test_results.listing(conn, task.id, run=run, after_id=after_id, limit=_PAGE_LINES)
        yield from page
        if len(page) < _PAGE_LINES:
            return
        after_id = page[-1].id
