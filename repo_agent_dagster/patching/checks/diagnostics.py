"""What tools print, read as findings. Pure: text in, findings out, with paths relative to the workspace.

`root` is the workspace as the tool saw it, which is elsewhere in a sandbox.
"""

import json
import posixpath
import re
from collections.abc import Callable, Iterator
from typing import Any

from repo_agent_dagster.patching.checks.findings import EXIT_CODE, Finding

IsFile = Callable[[str], bool]
"""Whether a path relative to the workspace is one of its files."""

NODE_MARK = "::node-check:: "
"""Begins the line that names the file which Node.js complains of in the lines after it."""

_TSC = re.compile(r"(?:(?P<file>\S.*?)\((?P<line>\d+),\d+\): )?error (?P<code>TS\d+): (?P<message>.*)")
_MYPY = re.compile(
    r"(?P<file>[^:\n]+):(?P<line>\d+)(?::\d+)?: error: (?P<message>.*?)(?:  \[(?P<code>[a-z][a-z0-9-]*)\])?"
)
_NODE_ERROR = re.compile(r"(?P<kind>\w*Error)(?: \[\w+\])?: (?P<message>.+)")
_PLACE = re.compile(r"(?P<file>[^\s:()'\"][^:()'\"]*?):(?P<line>\d+)(?::\d+)?:? +(?P<message>\S.*)")
_LAST_LINES = 20
_LAST_CHARACTERS = 2000


def tsc_findings(output: str, root: str) -> list[Finding]:
    """Return the errors of ``tsc --pretty false``; what it prints indented below one belongs to its message."""
    found: list[Finding] = []
    for line in output.splitlines():
        match = _TSC.fullmatch(line)
        if match is not None:
            file = _relative(match["file"], root) if match["file"] else ""
            found.append(Finding(file, int(match["line"] or 0), match["code"], match["message"]))
        elif found and line.startswith("  "):
            last = found[-1]
            found[-1] = Finding(last.file, last.line, last.code, f"{last.message} {line.strip()}")
    return found


def ruff_findings(output: str, root: str) -> list[Finding]:
    """Return what ``ruff check --output-format json`` found.

    Raises:
        ValueError: it is not ruff's JSON.
    """
    try:
        problems: list[dict[str, Any]] = json.loads(output)
        return [
            Finding(
                _relative(problem["filename"], root),
                int(problem["location"]["row"]),
                problem["code"] or "syntax",
                problem["message"],
            )
            for problem in problems
        ]
    except (TypeError, KeyError) as error:
        raise ValueError(f"ruff's JSON is of another form: {error!r}") from error


def mypy_findings(output: str, root: str) -> list[Finding]:
    """Return the errors that mypy printed; its notes are left out."""
    matches = (_MYPY.fullmatch(line) for line in output.splitlines())
    return [
        Finding(_relative(match["file"], root), int(match["line"]), match["code"] or "error", match["message"])
        for match in matches
        if match is not None
    ]


def compile_findings(output: str) -> list[Finding]:
    """Return what `compile_sources.py` found.

    Raises:
        ValueError: it is not its JSON.
    """
    try:
        return [Finding(file, line, "syntax", message) for file, line, message in json.loads(output)]
    except TypeError as error:
        raise ValueError(f"another form was expected: {error}") from error


def node_findings(output: str) -> list[Finding]:
    """Return what ``node --check`` said of each file behind its mark."""
    found: list[Finding] = []
    for part in f"\n{output}".split(f"\n{NODE_MARK}")[1:]:
        file, _, said = part.partition("\n")
        error = _NODE_ERROR.search(said)
        place = re.match(r".*?:(\d+)\s*$", said.partition("\n")[0])
        message = error["message"] if error else _last_lines(said)
        found.append(Finding(file, int(place[1]) if place else 0, error["kind"] if error else "syntax", message))
    return found


def command_findings(output: str, exit_code: int, root: str, is_file: IsFile) -> list[Finding]:
    """Return what a failed command said of places in the workspace; where it names none, its end is the one finding."""
    found = [finding for finding in tsc_findings(output, root) if finding.file]
    found += _places(output, root, is_file)
    return found or [Finding("", 0, EXIT_CODE, f"exit code {exit_code}: {_last_lines(output)}")]


def _places(output: str, root: str, is_file: IsFile) -> Iterator[Finding]:
    for line in output.splitlines():
        match = _PLACE.fullmatch(line.strip())
        if match is None:
            continue
        file = _relative(match["file"], root)
        # "12:30:45: done" is no place; only what is a file of the workspace is.
        if is_file(file):
            yield Finding(file, int(match["line"]), "output", match["message"])


def _relative(path: str, root: str) -> str:
    whole = posixpath.normpath(posixpath.join(root, path))
    return posixpath.relpath(whole, root)


def _last_lines(output: str) -> str:
    lines = [line.rstrip() for line in output.strip().splitlines() if line.strip()]
    return "\n".join(lines[-_LAST_LINES:])[-_LAST_CHARACTERS:] or "it printed nothing"
