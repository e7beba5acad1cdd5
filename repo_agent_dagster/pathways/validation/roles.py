"""What a file that a patch changes is to the suite: source, a test, or the runner's configuration. Pure, by its name.

A patch may change tests: those that its task declares, or else all that are named like tests. Whatever else decides
which tests run and how is put back as the commit has it before the tests run with the patch.
"""

import configparser
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Literal

from repo_agent_dagster.contracts.validation import PatchedFile

Role = Literal["source", "test", "runner_configuration"]

_RUNNER_CONFIGURATION = re.compile(
    r"(?:"
    r"conftest\.py|\.?pytest\.(?:ini|toml)|noxfile\.py|sitecustomize\.py|usercustomize\.py|[^/]+\.pth|\.coveragerc"
    r"|\.mocharc(?:\.[a-z]+)?|\.nycrc(?:\.[a-z]+)?|\.c8rc(?:\.[a-z]+)?|\.taprc"
    r"|(?:jest|vitest|vite|playwright|karma|ava|cypress|web-test-runner|babel)\.(?:[a-z]+\.)?(?:config|conf|setup|workspace)"
    r"\.(?:[cm]?[jt]s|json)"
    r"|(?:jest|vitest|test)[-.]?(?:setup|preset|environment)\.(?:[cm]?[jt]sx?|json)|setup-?tests?\.[cm]?[jt]sx?"
    r"|\.repo-agent\.ya?ml|\.npmrc|\.yarnrc(?:\.yml)?|\.pnpmfile\.cjs"
    r")",
    re.IGNORECASE,
)
_TEST_NAMES = re.compile(
    r"(?:test_.+|.+_test|tests?)\.py|.+[._-](?:test|spec)s?\.(?:[cm]?[jt]sx?)|(?:test|spec)s?\.(?:[cm]?[jt]sx?)"
    r"|.+_test\.go|.+_(?:test|spec)\.rb|.+Tests?\.(?:java|kt|cs)|test-.+\.(?:[cm]?[jt]sx?)|.+\.snap"
)
_TEST_FOLDERS = frozenset({"test", "tests", "__tests__", "spec", "specs", "__snapshots__", "e2e", "testdata"})


def role_of(path: str, declared: Sequence[str] | None) -> Role:
    """Return what the file is to the suite. `declared` are globs of the tests that the patch may change; None: any.

    A file that a glob of `declared` names is a test, also the runner's configuration: the task says so. With globs, a
    file that is only named like a test is one that the patch may not change.
    """
    if declared is not None and any(_matches(path, glob) for glob in declared):
        return "test"
    name = PurePosixPath(path).name
    if _RUNNER_CONFIGURATION.fullmatch(name):
        return "runner_configuration"
    return "test" if _is_named_like_a_test(path) else "source"


def must_be_restored(
    change: PatchedFile,
    declared: Sequence[str] | None,
    reference: Mapping[str, bytes],
    patched: Mapping[str, bytes],
) -> bool:
    """Whether this change is beyond what the patch may do to the suite.

    `reference` and `patched` are the contents, before and after the patch, of files that hold a runner's configuration
    beside other things, such as ``pyproject.toml``.
    """
    if declared is not None and any(_matches(change.path, glob) for glob in declared):
        return False
    if change.role == "runner_configuration" or (declared is not None and change.role == "test"):
        return True
    return changes_runner(change.path, reference.get(change.path), patched.get(change.path))


def changes_runner(path: str, before: bytes | None, after: bytes | None) -> bool:
    """Whether the runner's part of such a file differs; one that cannot be read counts as different."""
    read = _RUNNER_PARTS.get(PurePosixPath(path).name)
    if read is None or before == after:
        return False
    try:
        return bool(read(_text(before)) != read(_text(after)))
    except (ValueError, TypeError, configparser.Error, RecursionError):
        return True


def _matches(path: str, glob: str) -> bool:
    """Match as git's ``:(glob)`` does: `*` stays in a folder, `**` does not; a folder's name takes all below it."""
    pattern = glob.strip("/")
    translated = "".join(
        {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
        for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    )
    anywhere = "" if "/" in pattern else "(?:.*/)?"
    return bool(re.fullmatch(f"{anywhere}{translated}(?:/.*)?", path))


def _is_named_like_a_test(path: str) -> bool:
    place = PurePosixPath(path)
    return _TEST_NAMES.fullmatch(place.name) is not None or not _TEST_FOLDERS.isdisjoint(
        part.lower() for part in place.parts[:-1]
    )


def _text(content: bytes | None) -> str:
    return (content or b"").decode()


def _pyproject(text: str) -> Any:
    tools = tomllib.loads(text).get("tool", {})
    return {name: tools.get(name) for name in ("pytest", "coverage", "tox", "nox", "hatch", "pdm") if name in tools}


def _ini(text: str) -> Any:
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(text)
    runner = re.compile(r"tool:pytest|pytest|coverage:.+|testenv.*|tox")
    return {name: dict(parser.items(name)) for name in parser.sections() if runner.fullmatch(name)}


def _package_json(text: str) -> Any:
    package = json.loads(text or "{}")
    if not isinstance(package, dict):
        raise TypeError("package.json is no object")
    keys = ("scripts", "jest", "vitest", "mocha", "ava", "nyc", "c8", "tap")
    return {key: package.get(key) for key in keys}


_RUNNER_PARTS = {"pyproject.toml": _pyproject, "setup.cfg": _ini, "tox.ini": _ini, "package.json": _package_json}
