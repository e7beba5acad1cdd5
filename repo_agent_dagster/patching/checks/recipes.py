"""How each check is done: which files matter to it, which commands it runs, and how it reads what they print."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from repo_agent_dagster.contracts.patches import Check
from repo_agent_dagster.contracts.workspaces import check_name
from repo_agent_dagster.patching.checks import diagnostics
from repo_agent_dagster.patching.checks.bench import Bench, Ran, Seen
from repo_agent_dagster.patching.checks.check_folder import CHECKS
from repo_agent_dagster.patching.checks.checker import CheckUnusable, CheckWithoutVerdict
from repo_agent_dagster.patching.checks.findings import Finding
from repo_agent_dagster.patching.checks.tree_index import Scope
from repo_agent_dagster.patching.checks.type_projects import build_info_of, type_projects
from repo_agent_dagster.patching.paths import MISSION_CONTROL

_COMPILE_SOURCES = Path(__file__).with_name("compile_sources.py")
_NOT_RUNNABLE = (126, 127)
_KILLED = range(129, 160)  # 128 and a signal's number, as shells tell it
_JAVASCRIPT = (".js", ".mjs", ".cjs")
_TYPESCRIPT = (".ts", ".tsx", ".mts", ".cts", ".jsx", ".json", *_JAVASCRIPT)
_PYTHON_NAMES = ("pyproject.toml", "setup.cfg", "mypy.ini", ".mypy.ini", "ruff.toml", ".ruff.toml", "tox.ini")
_NODE_CHUNK = 200
_NODE_LOOP = f"""for file do
    said=$("$NODE" --check "./$file" 2>&1) || printf '%s\\n' "{diagnostics.NODE_MARK}$file" "$said"
done"""


class Recipe(Protocol):
    """One kind of check."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def scope(self) -> Scope:
        """Which files matter to it."""

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs that it runs."""

    @property
    def only_changed(self) -> bool:
        """Whether it looks at nothing but the files that the batch changes."""

    @property
    def changes_files(self) -> bool:
        """Whether its commands may change the files that they are shown."""

    def kept(self, seen: Seen) -> Sequence[str]:
        """Return the files that it leaves for its next run."""

    def findings(self, bench: Bench, seen: Seen) -> list[Finding]:
        """Return all that is wrong with what the bench shows.

        Raises:
            CheckUnusable: a program or a configuration is missing.
            CheckWithoutVerdict: a program took too long, or ended in a way that says nothing.
        """


def recipe_of(check: Check) -> Recipe:
    """Return how a check is done."""
    named: dict[str, Recipe] = {"python": PythonRecipe(), "tsc": TscRecipe(), "node": NodeRecipe()}
    return named[check] if isinstance(check, str) else CommandRecipe(tuple(check.command), check_name(check))


class TscRecipe:
    """``tsc --noEmit``, with its incremental build information kept from run to run."""

    name = "tsc"
    scope = Scope(
        "tsc",
        suffixes=_TYPESCRIPT,
        package_suffixes=(".d.ts", ".d.mts", ".d.cts", ".ts", ".json"),
        whole_packages=("node_modules/typescript", "node_modules/.bin"),
    )
    programs = ("tsc", "node")
    only_changed = False
    changes_files = False

    def kept(self, seen: Seen) -> Sequence[str]:
        """Return the build information of each project."""
        return [build_info_of(project) for project in type_projects(seen)]

    def findings(self, bench: Bench, seen: Seen) -> list[Finding]:
        """Type-check the project of the root's tsconfig.json, or those that it refers to."""
        projects = type_projects(seen)
        if not projects:
            raise CheckUnusable("there is no tsconfig.json in the workspace's root to check types by")
        tsc = _required(bench, "tsc", "install typescript in the workspace: npm install --save-dev typescript")
        installed = any(path.startswith("node_modules/") for path in seen.tree.entries)
        roots = ["--typeRoots", bench.type_roots] if bench.type_roots is not None and not installed else []
        found: list[Finding] = []
        for project in projects:
            info = f"{bench.place}/{MISSION_CONTROL}/{CHECKS}/{build_info_of(project)}"
            options = ["--noEmit", "--pretty", "false", "--incremental", "--tsBuildInfoFile", info]
            ran = bench.run([tsc, "-p", project, *options, *roots])
            found += self._read(ran, bench.place)
        return found

    def _read(self, ran: Ran, place: str) -> list[Finding]:
        found = diagnostics.tsc_findings(ran.output, place)
        for finding in found:
            # Errors of tsc's own options, and of referenced projects that were not built: it did not look at the rest.
            if (not finding.file and re.fullmatch(r"TS(5|6)\d{3}", finding.code)) or finding.code == "TS6305":
                raise CheckUnusable(
                    f"tsc cannot check this project so ({finding}); register the command that can, "
                    'such as --check-command "npx tsc -b"'
                )
        if ran.exit_code != 0 and not found:
            raise _said_nothing("tsc", ran)
        return found


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

    def findings(self, bench: Bench, seen: Seen) -> list[Finding]:
        """Compile all files; run ruff, and mypy where pyproject.toml, mypy.ini or setup.cfg configures it."""
        return [*self._compiled(bench), *self._linted(bench, seen), *self._typed(bench, seen)]

    def _compiled(self, bench: Bench) -> list[Finding]:
        python = _required(bench, "python3", "install Python")
        ran = bench.run([python, "-I", "-S", "-c", _COMPILE_SOURCES.read_text("utf-8"), bench.place])
        try:
            return diagnostics.compile_findings(ran.stdout)
        except ValueError as error:
            raise _said_nothing("python3", ran) from error

    def _linted(self, bench: Bench, seen: Seen) -> list[Finding]:
        ruff = bench.find("ruff")
        if ruff is None:
            if not _configures(seen, "ruff", "ruff.toml", ".ruff.toml"):
                return []
            raise CheckUnusable("the workspace configures ruff, which is not installed here: pip install ruff")
        ran = bench.run([ruff, "check", "--no-fix", "--output-format", "json", "."])
        if ran.exit_code not in (0, 1):
            raise _said_nothing("ruff", ran)
        try:
            found = diagnostics.ruff_findings(ran.stdout, bench.place)
        except ValueError as error:
            raise _said_nothing("ruff", ran) from error
        return [finding for finding in found if finding.code not in ("syntax", "invalid-syntax")]  # compiling told it

    def _typed(self, bench: Bench, seen: Seen) -> list[Finding]:
        if not _configures(seen, "mypy", "mypy.ini", ".mypy.ini"):
            return []
        mypy = _required(bench, "mypy", "the workspace configures it: pip install mypy")
        form = ("--show-error-codes", "--no-pretty", "--no-color-output", "--no-error-summary", "--hide-error-context")
        cache = f"{bench.place}/{MISSION_CONTROL}/{CHECKS}/mypy"
        targets = [] if _names_sources(seen) else ["."]
        ran = bench.run([mypy, *form, "--cache-dir", cache, *targets])
        found = diagnostics.mypy_findings(ran.stdout, bench.place)
        if ran.exit_code != 0 and not found:
            raise _said_nothing("mypy", ran)
        return [finding for finding in found if finding.code != "syntax"]


class NodeRecipe:
    """``node --check`` of the JavaScript files that the batch changes."""

    name = "node"
    scope = Scope("node", suffixes=_JAVASCRIPT, names=frozenset({"package.json"}))
    programs = ("node",)
    only_changed = True
    changes_files = False

    def kept(self, seen: Seen) -> Sequence[str]:
        """Return nothing."""
        return ()

    def findings(self, bench: Bench, seen: Seen) -> list[Finding]:
        """Check each changed file that is there."""
        files = sorted(path for path in set(seen.changed) if path.endswith(_JAVASCRIPT) and path in seen.tree.entries)
        if not files:
            return []
        node = _required(bench, "node", "install Node.js")
        found: list[Finding] = []
        for start in range(0, len(files), _NODE_CHUNK):
            chunk = files[start : start + _NODE_CHUNK]
            ran = bench.run(["sh", "-c", _NODE_LOOP, "node-check", *chunk], {"NODE": node})
            if ran.exit_code != 0:
                raise _said_nothing("node", ran)
            found += diagnostics.node_findings(ran.stdout)
        return found


class CommandRecipe:
    """A command of the workspace's or the batch's own: exit code 0 is well."""

    only_changed = False
    changes_files = True
    scope = Scope("command", package_suffixes=("",))

    def __init__(self, command: tuple[str, ...], name: str) -> None:
        self.name = name
        self.programs = command[:1]
        self._command = command

    def kept(self, seen: Seen) -> Sequence[str]:
        """Return nothing."""
        return ()

    def findings(self, bench: Bench, seen: Seen) -> list[Finding]:
        """Run it; where it fails, what it said of places in the workspace, or else its last lines."""
        program, *arguments = self._command
        ran = bench.run([program if "/" in program else bench.find(program) or program, *arguments])
        if ran.exit_code == 0:
            return []
        if ran.exit_code in _NOT_RUNNABLE:
            raise CheckUnusable(f"{self.name} cannot be run here (exit code {ran.exit_code}): {_end_of(ran)}")
        if ran.exit_code in _KILLED:
            raise CheckWithoutVerdict(f"{self.name} was killed (exit code {ran.exit_code}): {_end_of(ran)}")
        return diagnostics.command_findings(ran.output, ran.exit_code, bench.place, seen.tree.entries.__contains__)


def _required(bench: Bench, program: str, remedy: str) -> str:
    found = bench.find(program)
    if found is None:
        raise CheckUnusable(f"{program} is not installed here; {remedy}")
    return found


def _said_nothing(program: str, ran: Ran) -> CheckUnusable | CheckWithoutVerdict:
    kind = CheckWithoutVerdict if ran.exit_code in _KILLED or ran.exit_code == 0 else CheckUnusable
    return kind(f"{program} ended with exit code {ran.exit_code} and no finding: {_end_of(ran)}")


def _end_of(ran: Ran) -> str:
    return ran.output.strip()[-1000:] or "it printed nothing"


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
