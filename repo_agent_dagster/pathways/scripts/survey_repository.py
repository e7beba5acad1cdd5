"""Write what the repository in the current folder offers as JSON: files, modules, tests, package. Runs none of it."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

MAX_FILES = 50_000
MAX_SOURCES = 4_000
MAX_SOURCE_BYTES = 400_000
MAX_TESTS = 20_000
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
NODE_TEST = re.compile(r"""^\s*(?:test|it)\(\s*(['"`])(.{1,200}?)\1""", re.MULTILINE)
PLAIN = re.compile(r"[^\x00-\x1f]{1,300}")


def tracked() -> list[str]:
    """Return the tracked files below this folder."""
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True).stdout
    names = listed.decode("utf-8", "replace").split("\0")
    return [name for name in names if PLAIN.fullmatch(name)][:MAX_FILES]


def parsed(name: str) -> ast.Module | None:
    """Return a file's syntax tree, None where it is no Python that this Python reads."""
    path = Path(name)
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_SOURCE_BYTES:
        return None
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def module_of(name: str, packages: set[str]) -> str | None:
    """Return the dotted name by which a file is imported, None where it has none."""
    path = PurePosixPath(name)
    folder = path.parent
    parts: list[str] = []
    while folder.as_posix() in packages:
        parts.insert(0, folder.name)
        folder = folder.parent
    if folder.as_posix() not in (".", "src", "lib"):
        return None
    if path.name != "__init__.py":
        parts.append(path.stem)
    return ".".join(parts) if parts and all(IDENTIFIER.fullmatch(part) for part in parts) else None


def public_names(tree: ast.Module, *, is_package: bool) -> list[str]:
    """Return what a module defines at its top level and does not hide, of a package also what it passes on."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.ImportFrom) and is_package:
            names |= {alias.asname or alias.name for alias in node.names if alias.name != "*"}
    return sorted(name for name in names if not name.startswith("_") and name.isascii())


def class_bases(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    """Return the classes of a module's top level with the names of their bases, as they are written there."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name.isascii():
            names = [getattr(base, "attr", getattr(base, "id", "")) for base in node.bases]
            yield node.name, [name for name in names if name and name.isascii()]


def python_tests(name: str, tree: ast.Module) -> Iterator[str]:
    """Return the ids of pytest's tests of a file."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test"):
            yield f"{name}::{node.name}"
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)) and inner.name.startswith("test"):
                    yield f"{name}::{node.name}::{inner.name}"


def node_tests(name: str) -> list[str]:
    """Return the names of the tests of a JavaScript file, as they are written."""
    path = Path(name)
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_SOURCE_BYTES:
        return []
    text = path.read_bytes().decode("utf-8", "replace")
    return [match[2] for match in NODE_TEST.finditer(text) if PLAIN.fullmatch(match[2])]


def survey() -> dict[str, Any]:
    """Return the whole survey."""
    warnings.simplefilter("ignore")
    files = tracked()
    sources = [name for name in files if name.endswith(".py")][:MAX_SOURCES]
    packages = {PurePosixPath(name).parent.as_posix() for name in sources if name.endswith("__init__.py")} - {"."}
    modules: dict[str, list[str]] = {}
    bases: dict[str, list[str]] = {}
    tests: list[tuple[str, str]] = []
    for name in sources:
        tree = parsed(name)
        if tree is None:
            continue
        base = PurePosixPath(name).name
        if re.fullmatch(r"test_.*\.py|.*_test\.py", base):
            tests += [(one, name) for one in python_tests(name, tree)]
            continue
        bases.update(class_bases(tree))
        module = module_of(name, packages)
        if module and base not in ("setup.py", "conftest.py"):
            modules[module] = public_names(tree, is_package=base == "__init__.py")
    for name in files:
        if re.search(r"\.(?:test|spec)\.[cm]?[jt]s$|^tests?/.*\.[cm]?[jt]s$", name) and len(tests) < MAX_TESTS:
            tests += [(f"{name}::{test}", name) for test in node_tests(name)]
    return {
        "files": files,
        "modules": modules,
        "bases": bases,
        "tests": tests[:MAX_TESTS],
        "node_package": node_package(),
    }


def node_package() -> str:
    """Return the name of the Node.js package here."""
    path = Path("package.json")
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_SOURCE_BYTES:
        return ""
    try:
        package = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return ""
    name = package.get("name") if isinstance(package, dict) else None
    return name if isinstance(name, str) and re.fullmatch(r"(?:@[\w.~-]+/)?[\w.~-]{1,100}", name, re.ASCII) else ""


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(survey()), encoding="utf-8")
