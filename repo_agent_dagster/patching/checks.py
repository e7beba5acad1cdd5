"""Checks of a workspace: what is wrong after a batch minus what was wrong before it.

Findings are compared by what they say, not by where: an old error that moved a few lines is not a new one.
"""

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_LINE_NUMBER = re.compile(r"\bline \d+")
_SKIPPED_FOLDERS = {"node_modules", "__pycache__", "venv"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: `file` relative to the workspace, `line` from 1 (0: the whole file), a short `code`."""

    file: str
    line: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.code}: {self.message}"


class Checker(Protocol):
    """Tells what is wrong with a workspace. It must leave the workspace as it is."""

    def check(self, root: Path) -> Sequence[Finding]:
        """Return all findings, those that were there before any patch too."""


def added_findings(before: Sequence[Finding], after: Sequence[Finding]) -> list[Finding]:
    """Return the findings of `after` beyond those of `before`, by file, code and message."""
    known = Counter(_identity(finding) for finding in before)
    added = []
    for finding in after:
        identity = _identity(finding)
        if known[identity]:
            known[identity] -= 1
        else:
            added.append(finding)
    return added


def _identity(finding: Finding) -> tuple[str, str, str]:
    return finding.file, finding.code, _LINE_NUMBER.sub("line N", finding.message)


class PythonSyntaxChecker:
    """Finds Python files that do not compile, outside hidden folders, virtual environments and node_modules."""

    def check(self, root: Path) -> Sequence[Finding]:
        """Return a finding for each file with a syntax error; nothing is executed and nothing is written."""
        return [finding for path in _python_files(root) if (finding := _syntax_error(root, path)) is not None]


def _python_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink():
            continue
        if entry.is_dir():
            if not entry.name.startswith(".") and entry.name not in _SKIPPED_FOLDERS:
                found += _python_files(entry)
        elif entry.suffix == ".py":
            found.append(entry)
    return found


def _syntax_error(root: Path, path: Path) -> Finding | None:
    name = path.relative_to(root).as_posix()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "invalid escape sequence" and its like are no errors
            compile(path.read_bytes(), name, "exec", dont_inherit=True)
    except SyntaxError as error:
        return Finding(name, error.lineno or 0, "syntax", error.msg)
    except ValueError as error:  # a NUL in the source
        return Finding(name, 0, "syntax", str(error))
    return None
