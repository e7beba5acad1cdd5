"""Type-check a migrated unit: `tsc --noEmit` on its projects, against what the unit came with."""

import posixpath
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from repo_agent_dagster.migration.checks.copied_tree import copy_tree
from repo_agent_dagster.migration.checks.diagnostics import new_findings, read_diagnostics
from repo_agent_dagster.migration.checks.report import CheckFinding, CheckOutcome, CheckReport
from repo_agent_dagster.migration.units.walk import SKIPPED_FOLDERS
from repo_agent_dagster.sandbox.box import Box
from repo_agent_dagster.sandbox.spec import TYPE_ROOTS, ExecResult

TREE = "/workspace/tree"
_BEFORE = "/workspace/before"
_TYPED = frozenset({".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json", ".jsonc"})
NOT_FOUND = (126, 127)


@dataclass(frozen=True)
class Origin:
    """The unit as it came: its folder, the folder in it that was migrated, and where its files went."""

    unit_path: Path
    source: str
    moved: Mapping[str, str]


def type_check(
    box: Box, root: Path, destination: str, *, origin: Origin | None = None, timeout_seconds: float = 300.0
) -> CheckReport:
    """Type-check the projects of the unit at `destination` (relative to `root`, the target root), without network.

    The projects are the tsconfig.json of the destination and of the packages below it. With the unit's `origin`, what
    it came with does not count, nor what is wrong in files that are not its own. Each tsc has the time-out.
    """
    projects = projects_under(root / destination)
    if not projects:
        return CheckReport("nothing_to_check", "", f"nothing to check: {destination} has no tsconfig.json")
    copied = copy_tree(box, root, TREE, _TYPED)
    folders = [posixpath.normpath(posixpath.join(destination, project)) for project in projects]
    result = _check(box, TREE, folders, timeout_seconds)
    notes = tuple(f"{path} is too large to go into the sandbox" for path in copied.skipped)
    if origin is None or result.outcome != "findings":
        return result.report(result.findings, 0, notes)
    own = set(origin.moved.values())
    counted = tuple(finding for finding in result.findings if not finding.file or finding.file in own)
    new = counted
    if counted:
        copy_tree(box, origin.unit_path, _BEFORE, _TYPED)
        before_projects = projects_under(origin.unit_path / origin.source)
        before_folders = [posixpath.normpath(posixpath.join(origin.source, project)) for project in before_projects]
        before = _check(box, _BEFORE, before_folders, timeout_seconds) if before_folders else _NOTHING
        new = new_findings(before.findings, counted, origin.moved)
    elsewhere = len(result.findings) - len(counted)
    if elsewhere:
        notes += (f"{elsewhere} errors are in files of other packages, and do not count here",)
    return result.report(new, len(counted) - len(new), notes)


def projects_under(folder: Path) -> list[str]:
    """Return the folders with a tsconfig.json, relative to `folder`: itself, and the packages below it."""
    found = []
    pending = [""]
    while pending:
        relative = pending.pop(0)
        here = folder / relative
        is_project = (here / "tsconfig.json").is_file()
        if is_project and (not relative or (here / "package.json").is_file() or "." not in found):
            found.append(relative or ".")
        if here.is_dir():
            pending += sorted(
                posixpath.join(relative, entry.name)
                for entry in here.iterdir()
                if entry.is_dir() and not entry.is_symlink() and entry.name not in SKIPPED_FOLDERS
            )
    return found


@dataclass(frozen=True)
class _Checked:
    """What tsc said of some projects, all together."""

    outcome: CheckOutcome
    command: str
    message: str
    findings: tuple[CheckFinding, ...] = ()
    seconds: float = 0.0
    output: str = ""

    def report(self, counted: tuple[CheckFinding, ...], known: int, notes: tuple[str, ...]) -> CheckReport:
        outcome, message = self.outcome, self.message
        if outcome == "findings":
            outcome = "findings" if counted else "passed"
            message = _told(self.command, counted, known)
        return CheckReport(outcome, self.command, message, counted, self.seconds, self.output, known, notes)


_NOTHING = _Checked("nothing_to_check", "", "")


def _check(box: Box, place: str, folders: Sequence[str], timeout_seconds: float) -> _Checked:
    findings: dict[CheckFinding, None] = {}
    seconds, outputs, commands = 0.0, [], []
    for folder in folders:
        command = ["tsc", "--noEmit", "--pretty", "false", "-p", folder, "--typeRoots", TYPE_ROOTS]
        result = box.exec(command, cwd=place, timeout_seconds=timeout_seconds)
        seconds += result.duration_seconds
        commands.append(shlex.join(command))
        outputs.append(result.output)
        found = tuple(read_diagnostics(result.output, ""))
        problem = problem_of(shlex.join(command), result, timeout_seconds)
        if problem is not None and not (problem[0] == "failed" and found):
            return _Checked(problem[0], commands[-1], problem[1], (), seconds, "\n".join(outputs))
        findings |= dict.fromkeys(found)
    told, output = "; ".join(commands), "\n".join(outputs)
    if findings:
        return _Checked("findings", told, _told(told, tuple(findings), 0), tuple(findings), seconds, output)
    return _Checked("passed", told, f"{told} passed", (), seconds, output)


def problem_of(command: str, result: ExecResult, timeout_seconds: float) -> tuple[CheckOutcome, str] | None:
    """Return how a command failed, and one sentence about it; None where it did not."""
    if result.timed_out:
        return "timed_out", f"{command} did not end within {timeout_seconds:g} s and was stopped"
    if result.exit_code in NOT_FOUND:
        program = command.split()[0]
        told = f"{program} cannot be run in the sandbox (exit code {result.exit_code}); its image lacks it"
        return "tool_missing", told
    if not result.ok:
        return "failed", f"{command} ended with exit code {result.exit_code}"
    return None


def _told(command: str, counted: Sequence[CheckFinding], known: int) -> str:
    came_with = f"the unit came with {known} error{'s' * (known != 1)}"
    if not counted:
        return f"{command} found nothing new: {came_with} and has {known}"
    first = counted[0]
    place = f"{first.file}:{first.line}: " if first.file else ""
    more = f" new ({came_with})" if known else ""
    return f"{command} found {len(counted)}{more}: {place}{first.code} {first.message}"
