"""The commands by which a drafted manifest has the migrated unit checked."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from repo_agent_dagster.migration.inventory.model import UnitInventory
from repo_agent_dagster.migration.inventory.structured_files import mapping_of, read_json

_SCRIPTS = ("typecheck", "type-check", "check-types", "lint", "test")
_ABSENT = frozenset({"bun", "bunx", "deno", "wrangler", "docker", "go", "playwright", "pnpm", "yarn", "cargo", "make"})
"""Programs that the sandbox does not have."""
_PLACEHOLDER = "no test specified"


@dataclass(frozen=True)
class Check:
    """A command, the folder that it runs in, why it is proposed, and why it is switched off, if it is."""

    run: str
    folder: str
    reason: str
    off: str | None = None


def draft_checks(texts: Mapping[str, str], inventory: UnitInventory, excluded: frozenset[str]) -> list[Check]:
    """Return the checks for the unit's packages, its Python tests and its Go modules."""
    checks: list[Check] = []
    for path in sorted(texts, key=lambda path: (path.count("/"), path)):
        folder = posixpath.dirname(path) or "."
        if path in excluded or not _sayable(folder):
            continue
        name = posixpath.basename(path)
        if name == "package.json":
            checks += _scripts(path, folder, mapping_of(read_json(texts[path]).value, "scripts"))
        elif name == "go.mod":
            checks.append(
                Check("go vet ./... && go test ./...", folder, f"{path} is a module", "the sandbox has no Go")
            )
    tested = _python_tests(texts, inventory)
    if tested is not None and _sayable(tested):
        checks.append(Check("pytest -q", tested, "there are Python tests"))
    return checks


def _scripts(path: str, folder: str, scripts: Mapping[str, object]) -> Iterator[Check]:
    for script in _SCRIPTS:
        command = scripts.get(script)
        if not isinstance(command, str) or not command.strip() or _PLACEHOLDER in command:
            continue
        run = "npm test" if script == "test" else f"npm run {script}"
        absent = next((word for word in re.split(r"[\s&|;()]+", command) if word in _ABSENT), None)
        yield Check(run, folder, f"{path}: {command}", None if absent is None else f"the sandbox has no {absent}")


def _python_tests(texts: Mapping[str, str], inventory: UnitInventory) -> str | None:
    """Return the folder to run pytest in: the shallowest project with Python tests below it."""
    tests = [file.path for file in inventory.tests if file.language == "Python"]
    if not tests:
        return None
    projects = sorted(
        (
            posixpath.dirname(path)
            for path in texts
            if posixpath.basename(path) in {"pyproject.toml", "requirements.txt"}
        ),
        key=lambda folder: (folder.count("/"), folder),
    )
    holding = [folder for folder in projects if any(path.startswith(f"{folder}/" if folder else "") for path in tests)]
    return (holding[0] or ".") if holding else "."


def _sayable(folder: str) -> bool:
    """Return whether a manifest can name the folder."""
    return re.match(r"[~/]|[A-Za-z]:", folder) is None and "\\" not in folder and folder.isprintable()
