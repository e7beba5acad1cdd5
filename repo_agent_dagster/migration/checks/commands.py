"""Run a manifest's `validate` commands in a sandbox, each in its package, with the packages that it needs installed."""

import posixpath
from collections.abc import Sequence
from pathlib import Path

from repo_agent_dagster.contracts.migration import ValidateCommand
from repo_agent_dagster.migration.checks.copied_tree import copy_tree
from repo_agent_dagster.migration.checks.diagnostics import read_diagnostics
from repo_agent_dagster.migration.checks.report import CheckReport
from repo_agent_dagster.migration.checks.typecheck import TREE, problem_of
from repo_agent_dagster.sandbox.box import Box, Install, Installed


def run_commands(
    box: Box,
    root: Path,
    destination: str,
    commands: Sequence[ValidateCommand],
    *,
    install: Install | None = None,
    timeout_seconds: float = 300.0,
) -> CheckReport:
    """Run each command by the shell in its package, up to the first that fails; each has the time-out."""
    copied = copy_tree(box, root, TREE)
    notes = [f"{path} is too large to go into the sandbox" for path in copied.skipped]
    total, outputs = 0.0, list[str]()
    for command in commands:
        package = posixpath.normpath(posixpath.join(destination, command.package))
        installed = Installed() if install is None else install(box, root, TREE, package, command.run)
        if installed.note:
            notes.append(f"{command.run}: {installed.note}")
        if installed.problem is not None:
            message = f"{command.run} was not run: {installed.problem}"
            return CheckReport("tool_missing", command.run, message, (), total, "\n".join(outputs), notes=tuple(notes))
        result = box.exec(
            command.run, cwd=posixpath.join(TREE, package), env=installed.env, timeout_seconds=timeout_seconds
        )
        total += result.duration_seconds
        outputs.append(f"$ {command.run}\n{result.output}")
        problem = problem_of(command.run, result, timeout_seconds)
        if problem is None:
            continue
        outcome, message = problem
        findings = tuple(read_diagnostics(result.output, package)) if outcome == "failed" else ()
        if findings:
            first = findings[0]
            outcome = "findings"
            message = f"{command.run} found {len(findings)}: {first.file}:{first.line}: {first.code} {first.message}"
        return CheckReport(outcome, command.run, message, findings, total, "\n".join(outputs), notes=tuple(notes))
    what = "; ".join(command.run for command in commands)
    told = f"{len(commands)} command{'s' * (len(commands) > 1)} passed"
    return CheckReport("passed", what, told, (), total, "\n".join(outputs), notes=tuple(notes))
