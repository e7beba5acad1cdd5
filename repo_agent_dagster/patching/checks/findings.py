"""What a check finds, and what a batch added to it.

Findings are compared by what they say, not by where: an old error that moved a few lines, or with its whole file, is
not a new one.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

EXIT_CODE = "exit"
"""The code of the one finding that a failed command gives whose output names no place."""

# "line 12", "lines 3-7", and places such as "f.ts:3:1" or "f.ts(3,1)" inside a message.
_PLACE = re.compile(r"\blines? \d+(?:-\d+)?|:\d+(?::\d+)?(?=\D|$)|\(\d+,\d+\)")
# What differs from run to run without anything having changed: durations and addresses.
_CHANCE = re.compile(r"\b\d+(?:\.\d+)? ?(?:ns|µs|us|ms|s|sec|seconds?|m|min)\b|\b0x[0-9a-fA-F]+\b")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: `file` relative to the workspace, `line` from 1 (0: the whole file), a short `code`.

    What belongs to no file has an empty `file`.
    """

    file: str
    line: int
    code: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file else ""
        return f"{place}{self.code}: {self.message}"


def added_findings(
    before: Sequence[Finding], after: Sequence[Finding], moved: Mapping[str, str] | None = None
) -> list[Finding]:
    """Return the findings of `after` beyond those of `before`, by file, code and message; equal ones are counted.

    `moved` maps the old paths of moved files to their new ones.
    """
    renamed = moved or {}
    known = Counter(identity(finding, renamed.get(finding.file)) for finding in before)
    added = []
    for finding in after:
        said = identity(finding)
        if known[said]:
            known[said] -= 1
        else:
            added.append(finding)
    return added


def identity(finding: Finding, file: str | None = None) -> tuple[str, str, str]:
    """Return what a finding is recognised by; `file` replaces the path where the file was moved."""
    message = _PLACE.sub("@", finding.message)
    if finding.code == EXIT_CODE:
        message = _CHANCE.sub("#", message)
    return file or finding.file, finding.code, message
