"""Decide what must be installed before a repository's tests can run. Pure; `environment` carries it out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from repo_agent_dagster.pathways.setup.facts import RepositoryFacts, table
from repo_agent_dagster.pathways.suites.detection import Ecosystem

VENV = "/home/agent/venv"

_TEST_REQUIREMENTS = re.compile(
    r"(requirements([-_.](dev|test|tests|testing))?|(dev|test|tests)[-_.]requirements|requirements/(base|dev|test|tests))\.txt"
)
_TEST_EXTRAS = ("test", "tests", "testing")
_DEPENDENCY_FILES = re.compile(
    r"(pyproject\.toml|setup\.py|setup\.cfg|package\.json|package-lock\.json|npm-shrinkwrap\.json|[^/]*requirements[^/]*\.txt"
    r"|requirements/[^/]+\.txt)"
)


@dataclass(frozen=True)
class SetupPlan:
    """The commands to run with network, in order; empty when there is nothing to install. `reason` tells why."""

    commands: tuple[tuple[str, ...], ...]
    reason: str


def plan_setup(facts: RepositoryFacts, ecosystem: Ecosystem) -> SetupPlan:
    """Return what is to be installed for the tests of this ecosystem; a custom command gets both."""
    commands: list[tuple[str, ...]] = []
    reasons: list[str] = []
    if ecosystem in ("python", "custom"):
        _plan_python(facts, commands, reasons)
    if ecosystem in ("node", "custom"):
        _plan_node(facts, commands, reasons)
    if not commands:
        return SetupPlan((), "nothing to install: the repository declares no dependencies")
    return SetupPlan(tuple(commands), "; ".join(reasons))


def changes_dependencies(files: list[str]) -> bool:
    """Whether one of these files can change what must be installed."""
    return any(_DEPENDENCY_FILES.fullmatch(name) for name in files)


def _plan_python(facts: RepositoryFacts, commands: list[tuple[str, ...]], reasons: list[str]) -> None:
    arguments: list[str] = []
    for name in sorted(facts.files):
        if _TEST_REQUIREMENTS.fullmatch(name) and _has_requirements(facts.text(name)):
            arguments += ["-r", name]
            reasons.append(f"{name} lists requirements")
    extras = _extras(facts)
    why_project = _project_needs_installing(facts, extras)
    if why_project:
        arguments += ["-e", f".[{','.join(extras)}]" if extras else "."]
        reasons.append(why_project)
    groups = _dependency_groups(facts)
    if groups:
        # pip learnt --group in 25.1; Debian's is older.
        arguments += groups
        reasons.append("pyproject.toml has a dependency group for tests")
    if arguments:
        commands.append(("python3", "-m", "venv", "--system-site-packages", "--without-pip", VENV))
        commands.append((f"{VENV}/bin/python", "-m", "pip", "install", "--no-input", "--progress-bar=off", *arguments))


def _has_requirements(text: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines())


def _project_needs_installing(facts: RepositoryFacts, extras: list[str]) -> str | None:
    pyproject = facts.pyproject()
    setup = facts.text("setup.py") + facts.text("setup.cfg")
    project, poetry = table(pyproject, "project"), table(pyproject, "tool", "poetry")
    if not (project or poetry or "build-system" in pyproject or "setup(" in setup or "[metadata]" in setup):
        return None
    declared = project.get("dependencies") or "dependencies" in (project.get("dynamic") or [])
    if declared or extras or set(table(poetry, "dependencies")) - {"python"} or "install_requires" in setup:
        return "the project declares dependencies"
    if "ext_modules" in setup:
        return "the project has extension modules to build"
    in_src = any(name.startswith("src/") for name in facts.files)
    if in_src and not any("pythonpath" in facts.text(name) for name in ("pyproject.toml", "pytest.ini", "setup.cfg")):
        return "its packages are under src/, so that they are imported only when it is installed"
    return None


def _extras(facts: RepositoryFacts) -> list[str]:
    optional = table(facts.pyproject(), "project", "optional-dependencies")
    found = [name for name in _TEST_EXTRAS if name in optional]
    return found or [name for name in ("dev",) if name in optional]


def _dependency_groups(facts: RepositoryFacts) -> list[str]:
    groups = table(facts.pyproject(), "dependency-groups")
    names = [name for name in _TEST_EXTRAS if name in groups] or [name for name in ("dev",) if name in groups]
    found: list[str] = []
    for name in names:
        _collect_group(groups, name, found, seen=set())
    return found


def _collect_group(groups: Mapping[str, Any], name: str, found: list[str], *, seen: set[str]) -> None:
    members = groups.get(name)
    if name in seen or not isinstance(members, list):
        return
    seen.add(name)
    for member in members:
        if isinstance(member, str) and member not in found:
            found.append(member)
        elif isinstance(member, dict) and isinstance(member.get("include-group"), str):
            _collect_group(groups, member["include-group"], found, seen=seen)


def _plan_node(facts: RepositoryFacts, commands: list[tuple[str, ...]], reasons: list[str]) -> None:
    package = facts.package_json()
    kinds = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
    if not any(table(package, kind) for kind in kinds) and not package.get("workspaces"):
        return
    quiet = ("--no-audit", "--no-fund", "--no-progress")
    lock = next((name for name in ("package-lock.json", "npm-shrinkwrap.json") if name in facts.files), None)
    if lock:
        commands.append(("npm", "ci", *quiet))
        reasons.append(f"package.json has dependencies, pinned in {lock}")
    else:
        commands.append(("npm", "install", "--no-package-lock", *quiet))
        reasons.append("package.json has dependencies and no lock file pins them")
