"""`repo-agent task run`: a pathway in this process, for a terminal, a script, or any CI."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from repo_agent_dagster.cli.signals import interrupt_on_signals
from repo_agent_dagster.contracts.faults import PermanentFault, RepoAgentError
from repo_agent_dagster.contracts.outcomes import Standing, TaskReport
from repo_agent_dagster.contracts.problems import describe
from repo_agent_dagster.contracts.tasks import PAYLOADS, Pathway, RepositoryPayload
from repo_agent_dagster.settings import Settings

app = typer.Typer(
    help="""Run a pathway in this process: no daemon is needed, only Docker.

    Progress and the sandbox's output go to standard error. Standard output gets one JSON object with --json, or where
    it is no terminal: task_id, pathway, verdict, reasons, tests, durations, artifacts.

    Exit codes: 0 the verdict is good (fixed, reproduced, passed), 1 it is bad, 2 wrong input, 3 it could not be judged,
    130 interrupted.
    """,
    no_args_is_help=True,
)
_ERROR = "error"
_INTERRUPTED = 130

RepoUrl = Annotated[
    str,
    typer.Option(
        help="https://…, ssh://…, user@host:path; a path of this machine where REPO_AGENT_REPO_PROTOCOLS allows `file`."
    ),
]
Ref = Annotated[str, typer.Option("--ref", "--branch", help="Branch, tag, commit, or pull request (#7, pr/7).")]
Subfolder = Annotated[str, typer.Option(help="The part of a monorepo to work on.")]
TestCommand = Annotated[str | None, typer.Option(help="Shell command that runs the tests; detected when absent.")]
Timeout = Annotated[int, typer.Option(min=1, help="Seconds for each run of the tests, or of a candidate.")]
Image = Annotated[str | None, typer.Option(help="Docker image to work in; an operator has to allow it.")]
SetupCommand = Annotated[
    list[str] | None, typer.Option("--setup", help="Shell command that installs what tests need; repeatable.")
]
Order = Annotated[str | None, typer.Option(help="The order that this belongs to.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Install anew, also where an earlier task's set-up is kept.")]
Submodules = Annotated[bool, typer.Option("--submodules", help="Also fetch the submodules.")]
AsJson = Annotated[
    bool | None, typer.Option("--json/--no-json", help="Print the result as JSON; default: unless on a terminal.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress and no output of the sandbox.")]


@app.command("solution_validation")
def validate(
    repo_url: RepoUrl,
    patch: Annotated[
        str, typer.Option(help="File with a unified diff or a batch (JSON), - for standard input, or #7: pull request.")
    ],
    ref: Ref = "HEAD",
    base_ref: Annotated[str | None, typer.Option(help="What a pull request is measured against.")] = None,
    test_command: TestCommand = None,
    must_pass: Annotated[list[str] | None, typer.Option(help="Id of a test that has to pass; repeatable.")] = None,
    test_files: Annotated[
        list[str] | None, typer.Option(help="Glob of test files that the patch may change; repeatable.")
    ] = None,
    reruns: Annotated[int, typer.Option(min=0, max=10, help="Further runs of a test whose outcome changed.")] = 2,
    subfolder: Subfolder = "",
    timeout: Timeout = 600,
    image: Image = None,
    setup: SetupCommand = None,
    submodules: Submodules = False,
    order: Order = None,
    no_cache: NoCache = False,
    as_json: AsJson = None,
    quiet: Quiet = False,
) -> None:
    """Prove that a patch repairs a repository: its tests fail before and pass after.

    Example: `repo-agent task run solution_validation --repo-url https://git.example/shop.git --patch fix.diff`
    """
    _run(
        Pathway.SOLUTION_VALIDATION,
        {
            **_repository(repo_url, ref, subfolder, timeout, submodules, no_cache, order, image, setup),
            **_patch(patch),
            "baseRef": base_ref,
            "testCommand": test_command,
            "mustPass": must_pass or [],
            "testFiles": test_files,
            "reruns": reruns,
        },
        as_json=as_json,
        quiet=quiet,
    )


@app.command("error_recreation")
def recreate(
    repo_url: RepoUrl,
    description: Annotated[Path, typer.Option(help="Markdown file that describes the bug, or - for standard input.")],
    ref: Ref = "HEAD",
    expected_error: Annotated[str | None, typer.Option(help="What it looks like, e.g. \"KeyError: 'x'\".")] = None,
    bisect: Annotated[bool, typer.Option("--bisect", help="Find the first commit with the error.")] = False,
    good_ref: Annotated[str | None, typer.Option(help="A state without the error, for --bisect.")] = None,
    repeats: Annotated[int, typer.Option(min=1, max=20, help="Runs of the candidate that showed the error.")] = 3,
    subfolder: Subfolder = "",
    timeout: Timeout = 600,
    image: Image = None,
    setup: SetupCommand = None,
    submodules: Submodules = False,
    order: Order = None,
    no_cache: NoCache = False,
    as_json: AsJson = None,
    quiet: Quiet = False,
) -> None:
    """Make a described error happen, and keep what makes it happen as a failing test.

    Example: `repo-agent task run error_recreation --repo-url https://git.example/shop.git --description bug.md`
    """
    _run(
        Pathway.ERROR_RECREATION,
        {
            **_repository(repo_url, ref, subfolder, timeout, submodules, no_cache, order, image, setup),
            "bugDescription": _text(str(description), "description"),
            "expectedError": expected_error,
            "bisect": bisect,
            "goodRef": good_ref,
            "repeats": repeats,
        },
        as_json=as_json,
        quiet=quiet,
    )


@app.command("testing")
def run_suites(
    repo_url: RepoUrl,
    ref: Ref = "HEAD",
    test_mode: Annotated[str, typer.Option(help="unit, e2e, both, frontend or backend.")] = "unit",
    test_command: TestCommand = None,
    repeat: Annotated[int, typer.Option(min=1, max=50, help="Runs of each suite; more than one tells the flaky.")] = 1,
    shard: Annotated[str | None, typer.Option(help="Part of the tests, e.g. 1/3.")] = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="Measure coverage where the runner can.")] = False,
    frontend_prompt: Annotated[str, typer.Option(help="What to test in the front end, in words.")] = "",
    backend_prompt: Annotated[str, typer.Option(help="What to test in the back end, in words.")] = "",
    subfolder: Subfolder = "",
    timeout: Timeout = 600,
    image: Image = None,
    setup: SetupCommand = None,
    submodules: Submodules = False,
    order: Order = None,
    no_cache: NoCache = False,
    as_json: AsJson = None,
    quiet: Quiet = False,
) -> None:
    """Run the suites of a repository and keep every test's outcome.

    Example: `repo-agent task run testing --repo-url https://git.example/shop.git --ref main --test-mode unit`
    """
    _run(
        Pathway.TESTING,
        {
            **_repository(repo_url, ref, subfolder, timeout, submodules, no_cache, order, image, setup),
            "testMode": test_mode,
            "testCommand": test_command,
            "repeat": repeat,
            "shard": shard,
            "coverage": coverage,
            "frontendPrompt": frontend_prompt,
            "backendPrompt": backend_prompt,
        },
        as_json=as_json,
        quiet=quiet,
    )


def _repository(
    repo_url: str,
    ref: str,
    subfolder: str,
    timeout: int,
    submodules: bool,
    no_cache: bool,
    order: str | None,
    image: str | None,
    setup: list[str] | None,
) -> dict[str, Any]:
    """Return the payload's fields that all pathways on repositories share."""
    recipe = {"image": image, "setup": setup or []} if image or setup else None
    return {
        "repoUrl": repo_url,
        "ref": ref,
        "subfolder": subfolder,
        "timeoutSeconds": timeout,
        "submodules": submodules,
        "useCache": not no_cache,
        "orderId": order,
        "recipe": recipe,
    }


def _patch(source: str) -> dict[str, Any]:
    """Return the payload's field for what --patch names: a pull request, a batch as JSON, or a diff."""
    number = source.removeprefix("#").removeprefix("pr/")
    if number != source and number.isdecimal():
        return {"pullRequest": int(number)}
    text = _text(source, "patch")
    if text.lstrip().startswith("{"):
        try:
            return {"batch": json.loads(text)}
        except json.JSONDecodeError as error:
            raise PermanentFault(f"{source} begins like a batch but is no JSON: {error}") from None
    return {"diff": text}


def _text(source: str, what: str) -> str:
    if source == "-":
        return sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    path = Path(source)
    if not path.is_file():
        raise PermanentFault(f"there is no file {path} to read the {what} from")
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise PermanentFault(f"{path} is not UTF-8 text ({error.reason} at byte {error.start})") from None


def _run(pathway: Pathway, fields: Mapping[str, Any], *, as_json: bool | None, quiet: bool) -> None:
    from repo_agent_dagster.cli.task_terminal import Progress, TerminalSink
    from repo_agent_dagster.pathways import leftovers
    from repo_agent_dagster.pathways.closing import report
    from repo_agent_dagster.pathways.in_process import carry_out, take_now
    from repo_agent_dagster.store.revision import open_upgraded

    model = PAYLOADS[pathway]
    try:
        payload = cast(RepositoryPayload, model.model_validate(dict(fields)))
    except ValidationError as error:
        raise PermanentFault(f"{pathway} cannot be run: {describe(error)}") from None
    settings = Settings()
    console = Console(stderr=True, quiet=quiet, highlight=False)
    _prepare(settings, console)
    engine = open_upgraded(settings.store_url)
    interrupt_on_signals()
    for gone in leftovers.clear(engine, settings.home, now=datetime.now(UTC)).removed:
        console.print(Text(f"removed {gone.kind} {gone.name} of task {gone.task_id}: {gone.reason}", style="dim"))
    task = take_now(engine, pathway, payload)
    console.print(Text(f"task {task.id}", style="dim"))
    try:
        result = carry_out(
            settings,
            engine,
            task,
            payload,
            seen=lambda sink: TerminalSink(console, sink),
            say=Progress(console),
        )
    except RepoAgentError as fault:
        told = TaskReport(
            task_id=task.id, pathway=pathway, verdict=_ERROR, reasons=[str(fault)], tests={}, durations={}, artifacts=[]
        )
        _tell(told, Standing.UNJUDGED, as_json=as_json)
        raise typer.Exit(Standing.UNJUDGED.exit_code) from None
    except KeyboardInterrupt:
        console.print(Text(f"interrupted; task {task.id} is cancelled and its sandbox removed", style="magenta"))
        raise typer.Exit(_INTERRUPTED) from None
    _tell(report(task, result), result.standing, as_json=as_json)
    raise typer.Exit(result.standing.exit_code)


def _prepare(settings: Settings, console: Console) -> None:
    from repo_agent_dagster.sandbox import ensure_image, why_no_engine

    reason = why_no_engine()
    if reason is not None:
        raise PermanentFault(f"no Docker engine answers ({reason}); start one: repo-agent sandboxes engine start")
    ensure_image(
        settings.home,
        tag=settings.sandbox_image,
        base_image=settings.base_image,
        say=lambda line: console.print(Text(line, style="dim"), soft_wrap=True),
    )


_COLOURS = {Standing.GOOD: "green", Standing.BAD: "red", Standing.UNJUDGED: "yellow"}


def _tell(told: TaskReport, standing: Standing, *, as_json: bool | None) -> None:
    if as_json or (as_json is None and not sys.stdout.isatty()):
        typer.echo(told.model_dump_json(indent=2))
        return
    console = Console(highlight=False)
    console.print(Text(f"\n{told.verdict.replace('_', ' ')}", style=f"bold {_COLOURS[standing]}"))
    for reason in told.reasons:
        console.print(Text(f"  {reason}"), soft_wrap=True)
    if told.durations:
        table = Table(box=None, show_header=False, pad_edge=False)
        for step, seconds in told.durations.items():
            table.add_row(f"  {step.replace('_', ' ')}", f"{seconds:.2f} s")
        console.print(table)
    for artifact in told.artifacts:
        console.print(Text(f"  {artifact.name}  {artifact.url}", style="dim"), soft_wrap=True)
