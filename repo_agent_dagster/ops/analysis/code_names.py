"""Names in source code and builds as they are from night to night: files, functions, tests, jobs and steps."""

import re

from repo_agent_dagster.ops.analysis.masking import pattern

_LONGEST = 400

_SCHEME = re.compile(r"(?:webpack(?:-internal)?:/{2,3}|file:/{2}|https?://[^/\s]{1,200}/)(?:\([\w-]{1,40}\)/)?")
_ROOT = re.compile(
    r"^(?:(?:/private)?(?:/var)?/tmp/[^/]{1,200}/|/(?:app|workspaces?|code|usr/src/app|srv|root|opt/app|data/project)/"
    r"|(?:\./)+)"
)
_HOME = re.compile(r"^/(?:home|Users)/[^/]{1,100}/")
_BUNDLE_HASH = re.compile(r"[.-](?=[\w-]{0,19}[A-Z0-9])[\w-]{8,20}(?=(?:\.chunk|\.bundle|\.min){0,2}\.[mc]?js$)")
_FUNCTION_NOISE = re.compile(
    r"^(?:async |new |void |static )+| \[as [^\]]{0,80}\]$|::h[0-9a-f]{16}$|\(.*\)$"
    r"|(?:\.func\d+|\.\d+|\$\d+|\{\{closure\}\}|::)+$"
)
_LAMBDA = re.compile(r"lambda\$(\w{1,100}?)\$\d+$")
_ANONYMOUS = re.compile(r"(?:.*\.)?<\w{1,40}>|(?:.*\.)?\(?anonymous\)?|Object|(?:.*\.)?\w|.{0,2}")
_PARAMETERS = re.compile(r"\[.{0,300}\]$", re.DOTALL)
_VOLATILE = re.compile(
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b0x[0-9a-fA-F]+\b|\b(?=[a-f]{0,40}[0-9])[0-9a-f]{7,64}\b|[0-9]{5,}"
)
_TEST_FILE = re.compile(
    r"(?:^|/)(?:tests?|__tests__|specs?|e2e|testing|cypress)/|[._-](?:test|spec|cy)\.\w{1,5}$"
    r"|(?:^|/)test_[^/]*\.py$|_(?:test|spec)\.\w{1,5}$|(?:Tests?|IT|Spec)\.(?:java|kt|scala|cs|groovy|swift)$"
)
_SHARED_BY_TESTS = re.compile(
    r"(?:^|/)(?:conftest\.py|(?:jest|vitest|test)[._-]?setup\.\w{1,5}|setup[._-]?tests?\.\w{1,5})$", re.I
)
_MATRIX = re.compile(r"\s*\([^()]{0,300}\)")
_NUMBER = re.compile(r"(?<![A-Za-z])v?\d+(?:\.\d+|\.x)*(?![A-Za-z])|(?<=[A-Za-z]{2})\d+(?:\.\d+)*\b")
_SPACES = re.compile(r"\s+")


def file_name(file: str) -> str:
    """Return a source file's path as it is in the repository, wherever that was checked out or bundled to."""
    path = _ROOT.sub("", _SCHEME.sub("", file[:_LONGEST], count=1), count=1)
    path = pattern(_BUNDLE_HASH.sub("", path)).replace("\\", "/")
    return _HOME.sub("", path, count=1)


def function_name(function: str | None) -> str | None:
    """Return a function's name without counters, arguments and receivers' noise, or None where it has no real one.

    Names of one or two letters are what minifiers give, and change with every deploy.
    """
    name = (function or "")[:_LONGEST].strip()
    if match := _LAMBDA.search(name):
        name = match[1]
    for _ in range(3):
        name = _FUNCTION_NOISE.sub("", name).strip()
    return None if _ANONYMOUS.fullmatch(name) else name


def name_of_test(test: str) -> str:
    """Return a test's id without the parameters it ran with, and with random parts masked.

    ``tests/test_cart.py::test_total[3-4]`` and ``…[5-6]`` are one test: what breaks it breaks most of its parameters.
    """
    name = _PARAMETERS.sub("", test[:_LONGEST].strip())
    path, separator, rest = name.partition("::")
    if separator:
        name = f"{file_name(path)}::{rest}"
    return _SPACES.sub(" ", _VOLATILE.sub("#", name))


def is_test_file(file: str) -> bool:
    """Return whether a file holds tests, by where it lies and what it is called; one that many tests share does not."""
    path = file[:_LONGEST].replace("\\", "/")
    return _TEST_FILE.search(path) is not None and not _SHARED_BY_TESTS.search(path)


def step_name(name: str | None) -> str:
    """Return the name of a job or a step without the matrix's parameters, versions, numbers and hashes.

    ``test (3.11, ubuntu)`` and ``test (3.12, windows)`` are one job, ``shard-3`` and ``shard-4`` as well.
    """
    plain = _VOLATILE.sub("#", _MATRIX.sub("", (name or "")[:_LONGEST]))
    return _SPACES.sub(" ", _NUMBER.sub("#", plain)).strip().lower()
