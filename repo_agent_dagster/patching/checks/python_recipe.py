"""How Python is checked: files that do not compile, what ruff finds, and what mypy finds where it is configured."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from repo_agent_dagster.patching.checks import diagnostics
from repo_agent_dagster.patching.checks.bench import Bench, Seen, required, said_nothing
from repo_agent_dagster.patching.checks.check_folder import CHECKS
from repo_agent_dagster.patching.checks.checker import CheckUnusable
from repo_agent_dagster.patching.checks.findings import Finding
from repo_agent_dagster.patching.checks.tree_index import Scope
from repo_agent_dagster.patching.disk.paths import MISSION_CONTROL

_COMPILE_SOURCES = Path(__file__).with_name("compile_sources.py")
_PYTHON_NAMES = ("pyproject.toml", "setup.cfg", "mypy.ini", ".mypy.ini", "ruff.toml", ".ruff.toml", "tox.ini")


class PythonRecipe:
    """Python files that do not compile, what ruff finds, and what mypy finds where it is configured."""

    name = "python"
    scope = Scope("python", suffixes=(".py", ".pyi"), names=frozenset(_PYTHON_NAMES))
    programs = ("python3", "ruff", "mypy")
    only_changed = False
    changes_files = False

    def kept(self, seen: Seen) -> Sequence[str]:
        """Return nothing: the tools' caches are folders, and stay where they are."""
        return ()

    def first_kept(self, bench: Bench) -> bytes | None:
        """Return None: it keeps nothing."""
        return None

    def findings(self, bench: Bench, seen: Seen) -> list[Finding]:
        """Compile all files; run ruff, and mypy where pyproject.toml, mypy.ini or setup.cfg configures it."""
        return [*self._compiled(bench), *self._linted(bench, seen), *self._typed(bench, seen)]

    def _compiled(self, bench: Bench) -> list[Finding]:
        python = required(bench, "python3", "install Python")
        ran = bench.run([python, "-I", "-S", "-c", _COMPILE_SOURCES.read_text("utf-8"), bench.place])
        try:
            return diagnostics.compile_findings(ran.stdout)
        except ValueError as error:
            raise said_nothing("python3", ran) from error

    def _linted(self, bench: Bench, seen: Seen) -> list[Finding]:
        ruff = bench.find("ruff")
        if ruff is None:
            if not _configures(seen, "ruff", "ruff.toml", ".ruff.toml"):
                return []
            raise CheckUnusable("the workspace configures ruff, which is not installed here: pip install ruff")
        ran = bench.run([ruff, "check", "--no-fix", "--output-format", "json", "."])
        if ran.exit_code not in (0, 1):
            raise said_nothing("ruff", ran)
        try:
            found = diagnostics.ruff_findings(ran.stdout, bench.place)
        except ValueError as error:
            raise said_nothing("ruff", ran) from error
        return [finding for finding in found if finding.code not in ("syntax", "invalid-syntax")]  # compiling told it

    def _typed(self, bench: Bench, seen: Seen) -> list[Finding]:
        if not _configures(seen, "mypy", "mypy.ini", ".mypy.ini"):
            return []
        mypy = required(bench, "mypy", "the workspace configures it: pip install mypy")
        form = ("--show-error-codes", "--no-pretty", "--no-color-output", "--no-error-summary", "--hide-error-context")
        cache = f"{bench.place}/{MISSION_CONTROL}/{CHECKS}/mypy"
        targets = [] if _names_sources(seen) else ["."]
        ran = bench.run([mypy, *form, "--cache-dir", cache, *targets])
        found = diagnostics.mypy_findings(ran.stdout, bench.place)
        if ran.exit_code != 0 and not found:
            raise said_nothing("mypy", ran)
        return [finding for finding in found if finding.code != "syntax"]


def _configures(seen: Seen, tool: str, *own_files: str) -> bool:
    if any(name in seen.tree.entries for name in own_files):
        return True
    return tool in _tools_of(seen) or re.search(rf"^\[{tool}\]", _text(seen, "setup.cfg"), re.MULTILINE) is not None


def _names_sources(seen: Seen) -> bool:
    """Whether mypy's configuration says what to check."""
    own = _text(seen, "mypy.ini") or _text(seen, ".mypy.ini")
    names = ("files", "packages", "modules")
    if own or "mypy" not in _tools_of(seen):
        return re.search(rf"^({'|'.join(names)})\s*=", own or _text(seen, "setup.cfg"), re.MULTILINE) is not None
    return any(name in _tools_of(seen)["mypy"] for name in names)


def _tools_of(seen: Seen) -> dict[str, Any]:
    try:
        tools = tomllib.loads(_text(seen, "pyproject.toml")).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        raise CheckUnusable(f"pyproject.toml is not TOML: {error}") from error
    return tools if isinstance(tools, dict) else {}


def _text(seen: Seen, path: str) -> str:
    return (seen.read(path) or b"").decode("utf-8", "replace")
