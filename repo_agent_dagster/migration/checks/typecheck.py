"""Check a migrated unit inside a sandbox: its own commands, or `tsc --noEmit` where it has a tsconfig.json."""

import os
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from repo_agent_dagster.contracts.migration import ValidateCommand
from repo_agent_dagster.migration.units.scan import SKIPPED_FOLDERS
from repo_agent_dagster.sandbox.spec import TYPE_ROOTS, ExecResult

TREE = "/workspace/tree"
_FILE_LIMIT_BYTES = 20_000_000
_TYPED = frozenset({".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json"})
_DIAGNOSTIC = re.compile(r"(?:(?P<file>\S.*?)\((?P<line>\d+),\d+\): )?error (?P<code>TS\d+): (?P<message>.*)")
_NOT_FOUND = (126, 127)

CheckOutcome = Literal["passed", "findings", "failed", "timed_out", "tool_missing", "nothing_to_check"]


class Box(Protocol):
    """The part of a sandbox that a check needs; `sandbox.Sandbox` is one."""

    def put(self, source: Path | Mapping[str, bytes], target: str) -> object:
        """Copy files into the sandbox, under a folder of it."""

    def exec(self, command: str | Sequence[str], *, cwd: str = ..., timeout_seconds: float | None = ...) -> ExecResult:
        """Run a command and wait for it."""


@dataclass(frozen=True)
class CheckFinding:
    """One thing that is wrong; `file` is relative to the target root ("" for the project), `line` counts from 1."""

    file: str
    line: int
    code: str
    message: str


@dataclass(frozen=True)
class CheckReport:
    """What a check said. `message` is one sentence for people, `output` the last part of what the command wrote."""

    outcome: CheckOutcome
    command: str
    message: str
    findings: tuple[CheckFinding, ...] = ()
    duration_seconds: float = 0.0
    output: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the migration: the check passed, or there is nothing to check."""
        return self.outcome in {"passed", "nothing_to_check"}

    @property
    def ran(self) -> bool:
        """Whether a check was due: what was not checked counts neither as ok nor as failed."""
        return self.outcome != "nothing_to_check"

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "ok": self.ok,
            "outcome": self.outcome,
            "command": self.command,
            "message": self.message,
            "duration_seconds": round(self.duration_seconds, 3),
            "findings": [vars(finding) for finding in self.findings],
            "output": self.output[-20_000:],
        }


def type_check(
    box: Box, tree: Path, destination: str, *, timeout_seconds: float = 300, commands: Sequence[ValidateCommand] = ()
) -> CheckReport:
    """Check the unit at `destination` (relative to `tree`, the target root) in a sandbox, without the network.

    With `commands` (the manifest's `validate`) each is run by the shell in its package, up to the first that fails;
    without, ``tsc --noEmit -p`` is, if the destination has a tsconfig.json. The tree goes in without version control
    and installed packages; the image's own type packages (Node's) are there. Each command has the time-out.
    """
    if not commands and not (tree / destination / "tsconfig.json").is_file():
        return CheckReport(
            "nothing_to_check",
            "",
            f"nothing to check: {destination} has no tsconfig.json and its manifest no validate:",
        )
    box.exec(["rm", "-rf", TREE], timeout_seconds=timeout_seconds)
    box.put(dict(_files(tree, None if commands else _TYPED)), TREE)
    if not commands:
        tsc = ["tsc", "--noEmit", "--pretty", "false", "-p", destination, "--typeRoots", TYPE_ROOTS]
        return _report(shlex.join(tsc), box.exec(tsc, cwd=TREE, timeout_seconds=timeout_seconds), "", timeout_seconds)
    total, outputs = 0.0, []
    for command in commands:
        package = posixpath.normpath(posixpath.join(destination, command.package))
        result = box.exec(command.run, cwd=posixpath.join(TREE, package), timeout_seconds=timeout_seconds)
        report = _report(command.run, result, package, timeout_seconds)
        total += report.duration_seconds
        outputs.append(f"$ {command.run}\n{report.output}")
        if not report.ok:
            break
    what = "; ".join(command.run for command in commands) if report.ok else report.command
    message = f"{len(commands)} command{'s' * (len(commands) > 1)} passed" if report.ok else report.message
    return CheckReport(report.outcome, what, message, report.findings, total, "\n".join(outputs))


def _files(tree: Path, suffixes: frozenset[str] | None) -> Iterator[tuple[str, bytes]]:
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        for name in sorted(names):
            path = Path(folder) / name
            if suffixes is not None and path.suffix.lower() not in suffixes:
                continue
            if path.is_symlink() or not path.is_file() or path.stat().st_size > _FILE_LIMIT_BYTES:
                continue
            yield path.relative_to(tree).as_posix(), path.read_bytes()


def _report(command: str, result: ExecResult, folder: str, timeout_seconds: float) -> CheckReport:
    findings = tuple(_findings(result.output, folder))
    outcome: CheckOutcome
    if result.timed_out:
        outcome, message = "timed_out", f"{command} did not end within {timeout_seconds:g} s and was stopped"
    elif result.ok:
        outcome, message, findings = "passed", f"{command} passed", ()
    elif result.exit_code in _NOT_FOUND:
        program = command.split()[0]
        outcome = "tool_missing"
        message = f"{program} cannot be run in the sandbox (exit code {result.exit_code}); its image lacks it"
    elif findings:
        first = findings[0]
        place = f"{first.file}:{first.line}: " if first.file else ""
        outcome = "findings"
        message = f"{command} found {len(findings)}: {place}{first.code} {first.message}"
    else:
        outcome, message = "failed", f"{command} ended with exit code {result.exit_code}"
    return CheckReport(outcome, command, message, findings, result.duration_seconds, result.output)


def _findings(output: str, folder: str) -> Iterator[CheckFinding]:
    """Yield tsc's diagnostics; what it prints indented below one belongs to its message."""
    pending: CheckFinding | None = None
    for line in output.splitlines():
        match = _DIAGNOSTIC.fullmatch(line)
        if match is not None:
            if pending is not None:
                yield pending
            file = match["file"] or ""
            path = posixpath.normpath(posixpath.join(folder, file)) if file else ""
            pending = CheckFinding(path, int(match["line"] or 0), match["code"], match["message"])
        elif pending is not None and line.startswith("  "):
            message = f"{pending.message} {line.strip()}"
            pending = CheckFinding(pending.file, pending.line, pending.code, message)
    if pending is not None:
        yield pending
