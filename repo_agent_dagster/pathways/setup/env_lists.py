"""What tox and nox would install for tests: read from their files, which are never run. Pure."""

import ast
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from repo_agent_dagster.pathways.setup.facts import RepositoryFacts, strings, table
from repo_agent_dagster.pathways.setup.setuptools_files import ini_lines, ini_sections, parsed_python, plain_value

_PYTHON_FACTOR = re.compile(r"py(\d)\.?(\d+)")
_OTHER_ENVIRONMENTS = re.compile(
    r"lint|flake8|mypy|typ(e|ing)|doc|style|format|check|pre-commit|release|build|cov|pypy"
)
_CONDITION = re.compile(r"([!\w.{},\s-]+?):\s+(.+)|([!\w.{},-]+):(-[rce].*)")
_MAX_EXPANSIONS = 500


@dataclass(frozen=True)
class TestEnvironment:
    """What an environment of tox or nox installs: arguments for pip, extras and dependency groups of the project."""

    __test__ = False  # not a test class, though pytest collects classes by this name

    source: str
    arguments: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def tox_pythons(facts: RepositoryFacts) -> list[tuple[int, int]]:
    """Return the versions of Python that tox's list of environments names."""
    factors = (factor for name in _tox_names(facts) for factor in name.split("-"))
    found = (_PYTHON_FACTOR.fullmatch(factor) for factor in factors)
    return sorted({(int(one[1]), int(one[2])) for one in found if one})


def tox_environment(facts: RepositoryFacts, have: tuple[int, int]) -> TestEnvironment | None:
    """Return what tox would install for the tests with this Python; None where there is no tox."""
    sections = _tox_sections(facts)
    source = "tox.ini" if facts.text("tox.ini") else "pyproject.toml's tox"
    name = _chosen(_tox_names(facts), have)
    if "testenv" not in sections and f"testenv:{name}" not in sections:
        return _tox_native(facts)
    own = {**sections.get("testenv", {}), **sections.get(f"testenv:{name}", {})}
    factors = set(name.split("-")) | {f"py{have[0]}{have[1]}"}
    arguments: list[str] = []
    for line in _lines(own.get("deps", ""), sections, factors):
        arguments += _pip_arguments(line)
    return TestEnvironment(
        source,
        tuple(arguments),
        tuple(_words(own.get("extras", ""), sections, factors)),
        tuple(_words(own.get("dependency_groups", ""), sections, factors)),
    )


def nox_environment(facts: RepositoryFacts) -> TestEnvironment | None:
    """Return what the sessions of `noxfile.py` with "test" in their names install; None where there are none."""
    tree = parsed_python(facts.text("noxfile.py"))
    if tree is None:
        return None
    words: list[str] = []
    groups: list[str] = []
    sessions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and _is_test_session(node)]
    for call in (node for session in sessions for node in ast.walk(session) if isinstance(node, ast.Call)):
        called = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        values = [plain_value(argument, {}) for argument in call.args]
        if called == "install":
            words += [value for value in values if isinstance(value, str)]
        elif called == "dependency_groups":
            groups += [value for value in values[1:] if isinstance(value, str)]
    if not sessions or not (words or groups):
        return None
    extras = [extra for word in words if (found := re.fullmatch(r"\.\[(.+)\]", word)) for extra in found[1].split(",")]
    return TestEnvironment("noxfile.py", tuple(_kept(words)), tuple(e.strip() for e in extras), tuple(groups))


def expanded(pattern: str) -> list[str]:
    """Return what tox makes of a name with braces: ``py{38,39}-a`` is ``py38-a`` and ``py39-a``."""
    parts = re.split(r"\{([^{}]*)\}", pattern)
    choices = [part.split(",") if index % 2 else [part] for index, part in enumerate(parts)]
    products = itertools.islice(itertools.product(*choices), _MAX_EXPANSIONS)
    return ["".join(word.strip() for word in one) for one in products]


def _tox_sections(facts: RepositoryFacts) -> dict[str, dict[str, str]]:
    legacy = table(facts.pyproject(), "tool", "tox").get("legacy_tox_ini")
    return ini_sections(facts.text("tox.ini") or (legacy if isinstance(legacy, str) else ""))


def _tox_native(facts: RepositoryFacts) -> TestEnvironment | None:
    base = table(facts.pyproject(), "tool", "tox", "env_run_base") or table(facts.pyproject(), "tool", "tox", "testenv")
    if not base:
        return None
    arguments = [word for line in strings(base.get("deps")) for word in _pip_arguments(line)]
    groups = tuple(strings(base.get("dependency_groups")))
    return TestEnvironment("pyproject.toml's tox", tuple(arguments), tuple(strings(base.get("extras"))), groups)


def _tox_names(facts: RepositoryFacts) -> list[str]:
    tox = _tox_sections(facts).get("tox", {})
    text = tox.get("envlist") or tox.get("env_list") or ""
    native = strings(table(facts.pyproject(), "tool", "tox").get("env_list"))
    listed = [*native, *(part for line in ini_lines(text) for part in re.split(r"[,\s]+(?![^{]*\})", line))]
    return [name for part in listed if part for name in expanded(part)][:_MAX_EXPANSIONS]


def _chosen(names: list[str], have: tuple[int, int]) -> str:
    here = {f"py{have[0]}{have[1]}", f"py{have[0]}.{have[1]}", f"{have[0]}.{have[1]}", "py", "py3", f"py{have[0]}"}
    tests = [name for name in names if not _OTHER_ENVIRONMENTS.search(name)]
    return next((name for name in tests if here & set(name.split("-"))), tests[0] if tests else "py")


def _lines(value: str, sections: Mapping[str, Mapping[str, str]], factors: set[str], depth: int = 0) -> Iterator[str]:
    for line in ini_lines(value):
        condition = _CONDITION.fullmatch(line)
        wanted = line
        if condition:
            asked, wanted = (condition[1] or condition[3]), (condition[2] or condition[4])
            if not any(_holds(one, factors) for part in re.split(r",(?![^{]*\})", asked) for one in expanded(part)):
                continue
        reference = re.fullmatch(r"\{\[([^\]]+)\]([^}]+)\}", wanted.strip())
        if reference:
            if depth < 5:  # references may go round
                referred = sections.get(reference[1], {}).get(reference[2].lower(), "")
                yield from _lines(referred, sections, factors, depth + 1)
            continue
        yield re.sub(r"\{(?:toxinidir|tox_root)\}[/\\]?", "", wanted.strip())


def _holds(condition: str, factors: set[str]) -> bool:
    parts = condition.strip().split("-")
    return all((part[1:] not in factors) if part.startswith("!") else (part in factors) for part in parts)


def _words(value: str, sections: Mapping[str, Mapping[str, str]], factors: set[str]) -> list[str]:
    return [word for line in _lines(value, sections, factors) for word in re.split(r"[,\s]+", line) if word]


def _pip_arguments(line: str) -> list[str]:
    if "{" in line:
        return []  # a substitution that only tox can do
    option = re.fullmatch(r"(-[rce]|--requirement|--constraint|--editable)[\s=]*(.+)", line)
    return _kept([option[1], option[2]]) if option else _kept([line])


def _kept(words: list[str]) -> list[str]:
    """Leave out the project itself, which is installed anyway, and options that are not about what is installed."""
    kept: list[str] = []
    pairs = iter(words)
    for word in pairs:
        if word in ("-r", "-c", "-e", "--requirement", "--constraint", "--editable"):
            value = next(pairs, "")
            if value and not re.fullmatch(r"\.(\[.*\])?", value):
                kept += [word, value]
        elif not word.startswith("-") and not re.fullmatch(r"\.(\[.*\])?", word):
            kept.append(word)
    return kept


def _is_test_session(function: ast.FunctionDef) -> bool:
    for decorator in function.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == "session":
            keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
            names = [plain_value(word.value, {}) for word in keywords if word.arg == "name"]
            return any("test" in name for name in [function.name, *names] if isinstance(name, str))
    return False
