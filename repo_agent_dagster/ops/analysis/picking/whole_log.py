"""The failures of a job's whole log: one for each failing test, compiler's error, exception or failed step."""

from dataclasses import replace

from repo_agent_dagster.contracts.logs import LogLevel
from repo_agent_dagster.ops.analysis.model import Failure, Line, Log
from repo_agent_dagster.ops.analysis.picking.finding import Finding
from repo_agent_dagster.ops.analysis.picking.green import GreenLines
from repo_agent_dagster.ops.analysis.picking.sheet import Sheet, Step, command_at, ends_step, sheet_of, steps_of
from repo_agent_dagster.ops.analysis.picking.step_failures import annotated_findings, findings_in
from repo_agent_dagster.ops.analysis.picking.worker_log import failures_of_worker

CONTEXT_LINES = 5
MAX_LINES = 200
MAX_CHARACTERS = 2000
"""A failure keeps so many lines of so many characters; more are left out with a mark."""

MAX_FAILURES = 300
"""A log with more failures than this has one cause that the first ones tell."""


def failures_of(log: Log, green: Log | None = None) -> tuple[Failure, ...]:
    """Return the failures that a job's or a file's log tells of, in order.

    `green` is the last passing log of the same job: what stands in it too is not why this one failed. A job that
    passed has only the failures that the build service itself marks (``##[error]``).
    """
    log = _with_single_lines(log)
    if log.place.kind == "worker":
        return tuple(failures_of_worker(log, green))[:MAX_FAILURES]
    sheet = sheet_of(log.lines)
    steps = steps_of(sheet)
    if log.job is not None and log.job.is_green:
        pairs = [(step, finding) for step in steps for finding in annotated_findings(sheet, step)]
    else:
        green_lines = GreenLines(_with_single_lines(green)) if green is not None and green.lines else None
        pairs = [
            (step, finding)
            for step in _failing(_with_silent_endings(sheet, steps), green)
            for finding in findings_in(sheet, step, green_lines)
        ]
    return tuple(_failure(log, sheet, step, finding) for step, finding in pairs[:MAX_FAILURES])


def _with_single_lines(log: Log) -> Log:
    """Return the log with each entry of several lines, as JSON lines may hold them, cut into its lines."""
    if not any("\n" in line.text for line in log.lines):
        return log
    return replace(
        log,
        lines=tuple(
            replace(line, text=text) if "\n" in line.text else line
            for line in log.lines
            for text in line.text.split("\n")[:MAX_LINES]
        ),
    )


def _with_silent_endings(sheet: Sheet, steps: list[Step]) -> list[Step]:
    """Give the job's last word, where it stands by itself after all steps, to the last step that said anything."""
    last = steps[-1] if steps else None
    if last is None or not last.failed or any(step.failed for step in steps[:-1]):
        return steps
    if any(sheet.texts[i].strip() and ends_step(sheet.texts[i]) is None for i in range(last.start, last.end)):
        return steps
    spoke = [step for step in steps[:-1] if not step.is_clean_up and _says(sheet, step)]
    if not spoke:
        return steps
    return [replace(step, failed=True, ending=last.ending) if step is spoke[-1] else step for step in steps[:-1]]


def _says(sheet: Sheet, step: Step) -> bool:
    return any(sheet.texts[index].strip() for index in range(step.start, step.end))


def _failing(steps: list[Step], green: Log | None) -> list[Step]:
    """Return the steps to look into: those that failed; where none says so, the last one that is no clean-up.

    A step that failed in the passing build as well is allowed to fail, and does not explain this one.
    """
    failed = [step for step in steps if step.failed]
    if len(failed) > 1 and green is not None:
        allowed = {step.name for step in steps_of(sheet_of(green.lines)) if step.failed}
        failed = [step for step in failed if step.name not in allowed] or failed
    if failed:
        return [step for step in failed if not step.is_clean_up] or failed
    work = [step for step in steps if not step.is_clean_up] or steps
    return work[-1:]


def _failure(log: Log, sheet: Sheet, step: Step, finding: Finding) -> Failure:
    block = finding.block
    lines = tuple(shortened(sheet.lines[index]) for index in _kept(finding.picked))
    first, last = finding.picked[0], finding.picked[-1]
    command = command_at(sheet, step, block.start, block.tool) or block.command
    return Failure(
        place=replace(log.place, step=step.name),
        source=log.source,
        level=LogLevel.ERROR,
        headline=block.headline,
        lines=lines,
        before=_context(sheet, step, first - CONTEXT_LINES, first),
        after=_context(sheet, step, last + 1, last + 1 + CONTEXT_LINES),
        exception=block.exception,
        frames=block.frames,
        anchors=block.anchors,
        tool=block.tool,
        test=block.test,
        rule=block.rule,
        command=command,
        exit_code=block.exit_code,
        signals=finding.signals | {"exit"} if block.exit_code else finding.signals,
        ts=next((line.ts for line in lines if line.ts is not None), None),
        run_id=log.job.run_id if log.job is not None else None,
        job=log.job,
    )


def shortened(line: Line) -> Line:
    """Return the line, cut to `MAX_CHARACTERS` with a mark."""
    if len(line.text) <= MAX_CHARACTERS:
        return line
    return replace(line, text=f"{line.text[:MAX_CHARACTERS]} … [cut]")


def _kept(picked: tuple[int, ...]) -> tuple[int, ...]:
    return picked if len(picked) <= MAX_LINES else (*picked[: MAX_LINES // 2], *picked[-MAX_LINES // 2 :])


def _context(sheet: Sheet, step: Step, start: int, end: int) -> tuple[Line, ...]:
    return tuple(shortened(line) for line in sheet.lines[max(start, step.start) : min(end, step.end)])
