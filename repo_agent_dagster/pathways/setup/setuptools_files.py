"""What setup.py and setup.cfg declare. setup.py is read as a syntax tree and never run. Pure."""

import ast
import configparser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from repo_agent_dagster.pathways.setup.facts import RepositoryFacts


@dataclass(frozen=True)
class SetuptoolsProject:
    """A project of setuptools' own files: what it needs, as far as it stands there in plain values.

    `exists`: there is such a project. `has_requirements` and `builds_extensions` also hold where the value itself is
    worked out by code.
    """

    exists: bool = False
    extras: frozenset[str] = frozenset()
    tests_require: tuple[str, ...] = ()
    python_requires: str = ""
    has_requirements: bool = False
    builds_extensions: bool = False


def read_setuptools(facts: RepositoryFacts) -> SetuptoolsProject:
    """Read `setup.py` and `setup.cfg` of the folder worked in; what both say is put together."""
    arguments = _setup_arguments(facts.text("setup.py"))
    config = ini_sections(facts.text("setup.cfg"))
    options = config.get("options", {})
    extras = arguments.get("extras_require")
    tests = arguments.get("tests_require")
    python = arguments.get("python_requires")
    return SetuptoolsProject(
        exists=arguments != {} or "metadata" in config,
        extras=frozenset(extras if isinstance(extras, dict) else ())
        | frozenset(config.get("options.extras_require", {})),
        tests_require=(*_texts(tests), *ini_lines(options.get("tests_require", ""))),
        python_requires=python if isinstance(python, str) else options.get("python_requires", ""),
        has_requirements="install_requires" in arguments or "install_requires" in options,
        builds_extensions=bool({"ext_modules", "rust_extensions", "cffi_modules"} & arguments.keys()),
    )


def ini_sections(text: str) -> dict[str, dict[str, str]]:
    """Return the sections of an INI file, empty where it is malformed; nothing in it is interpolated."""
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return {name: {key: value or "" for key, value in parser.items(name)} for name in parser.sections()}


def ini_lines(value: str) -> list[str]:
    """Return the lines of a value of an INI file, without comments."""
    lines = (line.partition(" #")[0].strip() for line in value.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def parsed_python(text: str) -> ast.Module | None:
    """Return the syntax tree of a Python file, None where it has none (Python 2, hostile nesting)."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def plain_value(node: ast.expr, known: Mapping[str, Any]) -> Any:
    """Return the value of an expression of literals, of names in `known`, and of sums of these; None of any other."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return known.get(name)
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return [plain_value(item, known) for item in items]
        case ast.Dict(keys=keys, values=values):
            pairs = ((plain_value(key, known), value) for key, value in zip(keys, values, strict=True) if key)
            return {key: plain_value(value, known) for key, value in pairs if isinstance(key, str)}
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first, second = plain_value(left, known), plain_value(right, known)
            summable = isinstance(first, (list, str)) and type(first) is type(second)
            return first + second if summable else None
    return None


def _setup_arguments(text: str) -> dict[str, Any]:
    tree = parsed_python(text)
    if tree is None:
        return {}
    known = dict(_assignments(tree))
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name == "setup":
            named = {word.arg: plain_value(word.value, known) for word in call.keywords if word.arg}
            # `setup()` alone takes all from setup.cfg or pyproject.toml; it is a project all the same.
            return named or {"name": None}
    return {}


def _assignments(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    known: dict[str, Any] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, ast.Name):
                known[target.id] = plain_value(statement.value, known)
                yield target.id, known[target.id]


def _texts(value: Any) -> list[str]:
    lines = value.splitlines() if isinstance(value, str) else value if isinstance(value, list) else []
    return [line.strip() for line in lines if isinstance(line, str) and line.strip()]
