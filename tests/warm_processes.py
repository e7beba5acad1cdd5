"""Processes of their own that start in milliseconds: forks of one that has imported what they need, once for a session.

To start Python and to import would be most of what a test costs that kills such a process, or runs a small command.
What a command loads when it starts from nothing is tested by commands that do (tests/cli/test_patchctl.py).
"""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

# One list for all: a session has one such process, which imports what it was told when it was first used.
_IMPORTED = [
    "tests.warm_processes",
    "tests.migration.steps.killed_migration",
    "tests.ops.issues.killed_publisher",
    "tests.ops.scanning.whole_night",
    "tests.reports.publishing.killed_publisher",
    "repo_agent_dagster.cli.patchctl",
    "typer.rich_utils",
]


def warm() -> ForkServerContext:
    """Return the context whose processes are forks of the one that is warm."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context


def run_patchctl(
    arguments: Sequence[str], *, cwd: Path, environment: Mapping[str, str], stdin: str
) -> subprocess.CompletedProcess[str]:
    """Run patchctl to its end in a process of its own."""
    with TemporaryDirectory() as name:
        streams = Path(name)
        (streams / "0").write_text(stdin)
        process = warm().Process(target=_patchctl, args=(list(arguments), cwd, dict(environment), streams))
        process.start()
        process.join()
        assert process.exitcode is not None
        out, err = (streams / "1").read_text(), (streams / "2").read_text()
    return subprocess.CompletedProcess(list(arguments), process.exitcode, out, err)


def _patchctl(arguments: list[str], cwd: Path, environment: dict[str, str], streams: Path) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin = _stream(streams, 0, "r")
    sys.stdout = _stream(streams, 1, "w")
    sys.stderr = _stream(streams, 2, "w")
    sys.argv = ["patchctl", *arguments]
    from repo_agent_dagster.cli.patchctl import app

    app()


def _stream(folder: Path, descriptor: int, mode: str) -> IO[str]:
    """Put a file in the place of a standard stream, for what this process starts as well."""
    with (folder / str(descriptor)).open(mode) as file:
        os.dup2(file.fileno(), descriptor)
    return open(descriptor, mode, closefd=False)
