"""The suites of Python projects: pytest or unittest, one for each project of a monorepo. Pure."""

import posixpath
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from repo_agent_dagster.pathways.setup.facts import RepositoryFacts
from repo_agent_dagster.pathways.suites.detection import TestCommand, pytest_evidence
from repo_agent_dagster.pathways.suites.hints import Hints

_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", ".pytest.ini", "tox.ini")
_UNITTEST_NAME = re.compile(r"test[^/]*\.py")
_E2E = frozenset({"e2e", "end_to_end", "end-to-end", "end2end"})


def python_commands(facts: RepositoryFacts, hints: Hints) -> Iterator[tuple[TestCommand, str]]:
    """Yield how each project's tests are run, and of what kind they are: ``unit`` or ``e2e``."""
    tests = {name for name in facts.python_tests if not name.startswith("../")}
    tests |= {name for name in hints.importing("unittest") if _UNITTEST_NAME.fullmatch(posixpath.basename(name))}
    projects = _projects(facts)
    by_project: dict[str, list[str]] = {}
    for test in sorted(tests):
        by_project.setdefault(_project_of(test, projects), []).append(
            posixpath.relpath(test, _project_of(test, projects) or ".")
        )
    if "" not in by_project and _own_evidence(facts, ""):
        by_project[""] = []
    for folder, names in sorted(by_project.items()):
        yield from _of_project(facts, hints, folder, names, [other for other in projects if other != folder])


def _projects(facts: RepositoryFacts) -> list[str]:
    """Return the folders with a project of their own; where the root names its test paths, it is the only one."""
    if re.search(r"^\s*testpaths\s*=", "\n".join(facts.text(name) for name in _PROJECT_FILES), re.MULTILINE):
        return [""]
    folders = {posixpath.dirname(name) for name in facts.files if posixpath.basename(name) in _PROJECT_FILES}
    return sorted({"", *(folder for folder in folders if not folder.startswith(".."))})


def _project_of(test: str, projects: list[str]) -> str:
    return max((folder for folder in projects if not folder or test.startswith(f"{folder}/")), key=len)


def _of_project(
    facts: RepositoryFacts, hints: Hints, folder: str, tests: list[str], others: list[str]
) -> Iterator[tuple[TestCommand, str]]:
    if _is_unittest(facts, hints, folder, tests):
        yield _unittest(hints, folder, tests), "unit"
        return
    reason = _own_evidence(facts, folder) or f"there are tests for pytest, such as {min(tests)}"
    ends = sorted({end for test in tests if (end := _e2e_folder(test))})
    inner = sorted(posixpath.relpath(other, folder or ".") for other in others if _is_in(other, folder))
    if any(not _e2e_folder(test) for test in tests) or not tests:
        left_out = [f"--ignore={name}" for name in (*ends, *inner)]
        yield _pytest(folder, left_out, reason), "unit"
    if ends:
        yield _pytest(folder, ends, f"{reason}; these are in a folder for end-to-end tests"), "e2e"


def _pytest(folder: str, arguments: list[str], reason: str) -> TestCommand:
    argv = ("python3", "-m", "pytest", *arguments)
    return TestCommand("python", argv, " ".join(argv), reason, "pytest", folder)


def _unittest(hints: Hints, folder: str, tests: list[str]) -> TestCommand:
    tops = {test.partition("/")[0] for test in tests if "/" in test}
    is_plain = len(tops) != 1 or any("/" not in test for test in tests)
    top = next(iter(tops), "")
    packaged = posixpath.join(folder, top, "__init__.py") in hints.importing("package")
    where = () if is_plain or packaged else ("-s", top)
    argv = ("python3", "-m", "unittest", "discover", *where)
    reason = f"{min(tests)} and its like import unittest, and nothing speaks of pytest"
    return TestCommand("python", argv, " ".join(argv), reason, "unittest", folder)


def _is_unittest(facts: RepositoryFacts, hints: Hints, folder: str, tests: list[str]) -> bool:
    """Whether all that is known of a project's tests points to unittest."""
    ours = {posixpath.join(folder, test) for test in tests}
    if not ours or not ours <= hints.importing("unittest") or ours & hints.importing("pytest"):
        return False
    if _own_evidence(facts, folder):
        return False
    inside = [name for name in facts.files if _is_in(name, folder)]
    if any(posixpath.basename(name) == "conftest.py" for name in inside):
        return False
    declared = (posixpath.join(folder, name) for name in _PROJECT_FILES)
    lists = (name for name in inside if "requirements" in name)
    return not any("pytest" in facts.text(name) for name in (*declared, *lists))


def _own_evidence(facts: RepositoryFacts, folder: str) -> str | None:
    """Return what configures pytest in a folder."""
    files = {posixpath.relpath(name, folder or ".") for name in facts.files if _is_in(name, folder)}
    texts = {posixpath.relpath(name, folder or "."): text for name, text in facts.texts.items() if _is_in(name, folder)}
    return pytest_evidence(RepositoryFacts(frozenset(files), frozenset(), texts))


def _is_in(name: str, folder: str) -> bool:
    return not name.startswith("..") and (not folder or name.startswith(f"{folder}/"))


def _e2e_folder(test: str) -> str:
    parts = PurePosixPath(test).parts[:-1]
    at = next((index for index, part in enumerate(parts) if part.lower() in _E2E), None)
    return "" if at is None else "/".join(parts[: at + 1])
