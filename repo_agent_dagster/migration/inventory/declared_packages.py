"""Which packages a unit says that it needs: package.json, pyproject.toml, requirements files, go.mod."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from repo_agent_dagster.migration.inventory.model import Ecosystem
from repo_agent_dagster.migration.inventory.package_names import normalised
from repo_agent_dagster.migration.inventory.structured_files import list_of, mapping_of, read_json, read_toml, text_of

_NPM_SECTIONS = {
    "dependencies": False,
    "optionalDependencies": False,
    "peerDependencies": False,
    "devDependencies": True,
}
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*([^;#]*)")
_REQUIREMENTS_FILE = re.compile(r"(?:.*[-_.])?requirements(?:[-_.].*)?\.(?:txt|in)")
_GO_REQUIRE = re.compile(r"^\s*(?:require\s+)?([^\s/]+\.[^\s]+)\s+(v\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Declared:
    """One package that a file asks for: its name, the versions it accepts, and whether only development needs it."""

    ecosystem: Ecosystem
    name: str
    wanted: str
    file: str
    dev: bool = False


def declared_packages(texts: Mapping[str, str]) -> list[Declared]:
    """Return what the unit's files declare, in the order of their paths; `texts` are its files by path."""
    found: list[Declared] = []
    for path in sorted(texts):
        name = PurePosixPath(path).name
        if name == "package.json":
            found += _npm(path, read_json(texts[path]).value)
        elif name == "pyproject.toml":
            found += _pyproject(path, read_toml(texts[path]).value)
        elif _REQUIREMENTS_FILE.fullmatch(name) or (
            PurePosixPath(path).parts[-2:-1] == ("requirements",) and name.endswith(".txt")
        ):
            found += _requirements(path, texts[path])
        elif name == "go.mod":
            found += _go(path, texts[path])
    return found


def go_module(text: str) -> str | None:
    """Return the module path that a go.mod gives."""
    for line in text.splitlines():
        words = line.partition("//")[0].split()
        if len(words) == 2 and words[0] == "module":
            return words[1].strip('"`')
    return None


def _npm(path: str, content: Any) -> Iterator[Declared]:
    for section, dev in _NPM_SECTIONS.items():
        for name, wanted in mapping_of(content, section).items():
            yield Declared("npm", name, str(wanted), path, dev)


def _pyproject(path: str, content: Any) -> Iterator[Declared]:
    for requirement in list_of(content, "project", "dependencies"):
        yield from _requirement(path, requirement, dev=False)
    for extra, requirements in mapping_of(content, "project", "optional-dependencies").items():
        for requirement in requirements if isinstance(requirements, list) else ():
            yield from _requirement(path, requirement, dev=extra in {"dev", "test", "tests", "docs", "lint"})
    for requirements in mapping_of(content, "dependency-groups").values():
        for requirement in requirements if isinstance(requirements, list) else ():
            yield from _requirement(path, requirement, dev=True)
    poetry = mapping_of(content, "tool", "poetry")
    groups = [(mapping_of(poetry, "dependencies"), False), (mapping_of(poetry, "dev-dependencies"), True)]
    groups += [(mapping_of(group, "dependencies"), True) for group in mapping_of(poetry, "group").values()]
    for packages, dev in groups:
        for name, wanted in packages.items():
            if name != "python":
                version = wanted if isinstance(wanted, str) else text_of(wanted, "version") or ""
                yield Declared("pypi", normalised(name), version, path, dev)


def _requirements(path: str, text: str) -> Iterator[Declared]:
    dev = re.search(r"dev|test|lint|docs", PurePosixPath(path).name) is not None
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith(("#", "-")):
            yield from _requirement(path, line, dev=dev)


def _requirement(path: str, requirement: Any, *, dev: bool) -> Iterator[Declared]:
    match = _REQUIREMENT.match(requirement) if isinstance(requirement, str) else None
    if match is not None:
        yield Declared("pypi", normalised(match[1]), match[2].strip().rstrip("\\").strip(), path, dev)


def _go(path: str, text: str) -> Iterator[Declared]:
    without_comments = "\n".join(
        line for line in text.splitlines() if not line.strip().startswith(("//", "replace", "exclude", "retract"))
    )
    for name, version in _GO_REQUIRE.findall(without_comments):
        yield Declared("go", name, version, path)
