"""What engines ask of a sandbox: a `Sandbox` does it, and so does whatever stands in for one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from repo_agent_dagster.sandbox.spec import ExecResult


class Box(Protocol):
    """The part of a sandbox that runs commands on files put into it."""

    def put(self, source: Path | Mapping[str, bytes], target: str) -> object:
        """Copy files into the sandbox, under a folder of it."""

    def exec(
        self,
        command: str | Sequence[str],
        *,
        cwd: str = ...,
        env: Mapping[str, str] | None = ...,
        timeout_seconds: float | None = ...,
        stdin: bytes | None = ...,
    ) -> ExecResult:
        """Run a command and wait for it."""


@dataclass(frozen=True)
class Installed:
    """What was done so that a command finds its packages: its problem, if any, and the environment to run it in."""

    note: str = ""
    problem: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)


Install = Callable[[Box, Path, str, str, str], Installed]
"""Installs what a command needs: (box, target root, where it is in the box, the package in it, the command)."""
