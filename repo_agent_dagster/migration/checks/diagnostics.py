"""tsc's diagnostics: read from its output, and compared with those that a unit came with."""

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from repo_agent_dagster.migration.checks.report import CheckFinding

_DIAGNOSTIC = re.compile(r"(?:(?P<file>\S.*?)\((?P<line>\d+),\d+\): )?error (?P<code>TS\d+): (?P<message>.*)")
_TYPE_OF_FILE = re.compile(r"""import\((["']).*?\1\)""")


def read_diagnostics(output: str, folder: str) -> Iterator[CheckFinding]:
    """Yield what tsc found, files relative to where `folder` is; what it prints indented belongs to the one above."""
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
            pending = replace(pending, message=f"{pending.message} {line.strip()}")
    if pending is not None:
        yield pending


def new_findings(
    before: Iterable[CheckFinding], after: Sequence[CheckFinding], moved: Mapping[str, str]
) -> tuple[CheckFinding, ...]:
    """Return what is found after and was not before; equal ones are counted, lines do not matter.

    `before` has paths of the unit, `after` of the target root; `moved` leads from one to the other. Where a message
    names a type by its file, the file does not matter. An import that was rewritten and that is not found by its new
    name is new, though it was not found by its old one either: the rule that rewrote it is wrong.
    """
    known = Counter(_content(replace(one, file=moved.get(one.file, one.file))) for one in before)
    new = []
    for finding in after:
        content = _content(finding)
        if known[content]:
            known[content] -= 1
        else:
            new.append(finding)
    return tuple(new)


def _content(finding: CheckFinding) -> tuple[str, str, str]:
    return finding.file, finding.code, _TYPE_OF_FILE.sub("import(…)", finding.message)
