"""The tests that a clone holds, by what their files say; nothing of the repository is run for it."""

import re
from collections.abc import Iterable, Iterator
from secrets import token_hex
from typing import TYPE_CHECKING

from repo_agent_dagster.pathways.testing.words import Candidate
from repo_agent_dagster.sandbox.spec import SandboxFileError

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

_SECONDS = 60
_MAX_BYTES = 4 << 20
_MAX_LINE = 400
_MAX_CANDIDATES = 20_000
_PYTHON = r"^[[:space:]]*((async[[:space:]]+)?def[[:space:]]+test|class[[:space:]]+|\"\"\"|''')"
_SCRIPTS = r"(^|[^[:alnum:]_.])(test|it|describe|suite)(\.[a-z]+)*\([[:space:]]*['\"\`]"
_FILES = (
    "*test*.py",
    "*.test.*",
    "*.spec.*",
    "*test/*.*js",
    "*tests/*.*js",
    "*test/*.ts",
    "*tests/*.ts",
    "*__tests__/*",
)
_DEFINITION = re.compile(r"(\s*)(?:async\s+)?def\s+(test\w*)")
_CLASS = re.compile(r"(\s*)class\s+(\w+)")
_DOCSTRING = re.compile(r"\s*(?:\"\"\"|''')\s*(.+)")
_TITLE = re.compile(r"\b(?:test|it|describe|suite)(?:\.\w+)*\(\s*(['\"`])(.{1,300}?)\1")


def read_candidates(box: "Sandbox", path: str) -> list[Candidate]:
    """Return the tests of the tracked files of the clone at `path`: Python's by their ids, others by their files."""
    place = f"/tmp/{token_hex(8)}"  # noqa: S108 - a folder of the sandbox, which has one user and ends with the task
    search = ["git", "-c", "core.quotePath=false", "grep", "-nIE", "-e", _PYTHON, "-e", _SCRIPTS, "--", *_FILES]
    script = 'mkdir "$1" && "${@:2}" | cut -c -' + str(_MAX_LINE) + ' > "$1/lines"'
    box.exec(["bash", "-c", script, "search", place, *search], cwd=path, timeout_seconds=_SECONDS)
    try:
        lines = box.get(f"{place}/lines", max_bytes=_MAX_BYTES)
    except SandboxFileError:
        return []
    return candidates_of(lines.decode("utf-8", "replace").splitlines())


def candidates_of(lines: Iterable[str]) -> list[Candidate]:
    """Return the tests that lines such as ``tests/test_a.py:12:def test_x():`` tell of, in their order. Pure."""
    by_file: dict[str, list[str]] = {}
    for line in lines:
        file, _, rest = line.partition(":")
        text = rest.partition(":")[2]
        by_file.setdefault(file, []).append(text)
    found: list[Candidate] = []
    for file, texts in by_file.items():
        found += _python(file, texts) if file.endswith(".py") else _script(file, texts)
    return found[:_MAX_CANDIDATES]


def _python(file: str, texts: list[str]) -> Iterator[Candidate]:
    classes: list[tuple[int, str]] = []
    for number, text in enumerate(texts):
        if of := _CLASS.match(text):
            classes = [*(one for one in classes if one[0] < len(of[1])), (len(of[1]), of[2])]
        elif test := _DEFINITION.match(text):
            classes = [one for one in classes if one[0] < len(test[1])]
            following = _DOCSTRING.match(texts[number + 1]) if number + 1 < len(texts) else None
            names = [name for _, name in classes]
            description = following[1].strip("\"' ") if following else ""
            yield Candidate("::".join([file, *names, test[2]]), file, " ".join([*names, test[2]]), description)


def _script(file: str, texts: list[str]) -> Iterator[Candidate]:
    # Titles may be put together at run time, so a file is what can be chosen.
    titles = [title[2] for text in texts for title in _TITLE.finditer(text)]
    if titles:
        yield Candidate(file, file, " ".join(titles))
