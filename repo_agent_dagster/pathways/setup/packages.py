"""Install what a package of a tree in the sandbox needs before a command of its own is run there."""

import json
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

from repo_agent_dagster.pathways.setup.environment import TEST_ENVIRONMENT, prepare
from repo_agent_dagster.pathways.setup.facts import facts_of_folder
from repo_agent_dagster.pathways.suites.detection import Ecosystem
from repo_agent_dagster.sandbox.box import Box, Installed

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

INSTALL_SECONDS = 600.0
_NODE = re.compile(r"\b(?:npm|npx|pnpm|yarn|node|tsx|vitest|jest|eslint)\b")
_PYTHON = re.compile(r"\b(?:pytest|python3?|mypy|ruff|tox|nox|uv)\b")
_MARK = "/tmp/repo-agent-installed"  # noqa: S108 - a folder of the sandbox, which has one user and ends with the task


def install_packages(box: Box, root: Path, place: str, package: str, command: str) -> Installed:
    """Install what `command`, run in `package` of the tree at `place`, needs; a problem is told, not raised.

    `root` is the same tree on the host. Where the root's package.json has workspaces, npm installs there. A folder is
    installed once. The network is on for the installation alone, as the sandbox's policy says.
    """
    ecosystem = _ecosystem(command)
    if ecosystem is None:
        return Installed()
    folder = "." if ecosystem == "node" and _has_workspaces(root) else package
    facts = facts_of_folder(root / folder)
    where = posixpath.normpath(posixpath.join(place, folder))
    mark = f"{_MARK}{ecosystem}{where}"
    if box.exec(["test", "-e", mark], cwd="/", timeout_seconds=30).ok:
        return Installed(env=TEST_ENVIRONMENT)
    summary = prepare(cast("Sandbox", box), where, facts, ecosystem, timeout_seconds=INSTALL_SECONDS)
    if not summary.ok:
        return Installed(problem=summary.note, env=TEST_ENVIRONMENT)
    box.exec(["mkdir", "-p", mark], cwd="/", timeout_seconds=30)
    return Installed(note=summary.note if summary.commands else "", env=TEST_ENVIRONMENT)


def _ecosystem(command: str) -> Ecosystem | None:
    if _NODE.search(command):
        return "node"
    return "python" if _PYTHON.search(command) else None


def _has_workspaces(root: Path) -> bool:
    try:
        package = json.loads((root / "package.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(package, dict) and bool(package.get("workspaces"))
