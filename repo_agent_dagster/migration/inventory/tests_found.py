"""Which files are tests, and which files of the unit they are about."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from repo_agent_dagster.migration.inventory.model import LocalImport, Tested

_NAMES = re.compile(
    r".*\.(?:test|spec|e2e)\.[cm]?[jt]sx?|test_.*\.py|.*_test\.py|conftest\.py|.*_test\.go|.*[-.]bats|.*\.bats"
)
_FOLDERS = frozenset({"__tests__", "tests", "test", "__mocks__", "e2e"})
_FRAMEWORKS = frozenset(
    {
        "vitest",
        "node:test",
        "bun:test",
        "jest",
        "@jest/globals",
        "mocha",
        "chai",
        "@playwright/test",
        "ava",
        "tap",
        "pytest",
        "unittest",
    }
)
_MARK = re.compile(r"[._-](?:test|spec|e2e)$|^test_|_test$")


def is_test(path: str, cases: int, imports: Iterable[str]) -> bool:
    """Return whether a file of code is a test: by its name or folder, or as it has cases and imports a framework."""
    pure = PurePosixPath(path)
    if _NAMES.fullmatch(pure.name) or _FOLDERS & set(pure.parts[:-1]):
        return True
    return cases > 0 and any(name.partition("/")[0] in _FRAMEWORKS or name in _FRAMEWORKS for name in imports)


def tested(path: str, cases: int, imports: Sequence[LocalImport], tests: frozenset[str]) -> Tested:
    """Return what a test is about: the files that it imports and that are no tests; the one named like it alone."""
    subjects = list(dict.fromkeys(one.target for one in imports if one.target is not None and one.target not in tests))
    stem = _bare(path)
    namesakes = [subject for subject in subjects if _bare(subject) == stem]
    return Tested(cases, tuple(namesakes or subjects))


def _bare(path: str) -> str:
    """Return a file's name without ending and without what marks it as a test, in lower case."""
    stem = PurePosixPath(path).name
    for ending in (".py", ".go", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts"):
        stem = stem.removesuffix(ending)
    return _MARK.sub("", stem).lower()
