"""How each check is done: which files matter to it, which commands it runs, and how it reads what they print."""

from collections.abc import Sequence
from typing import Protocol

from repo_agent_dagster.contracts.patches import Check
from repo_agent_dagster.contracts.workspaces import check_name
from repo_agent_dagster.patching.checks import diagnostics
from repo_agent_dagster.patching.checks.bench import KILLED, Bench, Seen, end_of, required, said_nothing
from repo_agent_dagster.patching.checks.checker import CheckUnusable, CheckWithoutVerdict
from repo_agent_dagster.patching.checks.findings import Finding
from repo_agent_dagster.patching.checks.python_recipe import PythonRecipe
from repo_agent_dagster.patching.checks.tree_index import Scope
from repo_agent_dagster.patching.checks.tsc_recipe import TscRecipe

_NOT_RUNNABLE = (126, 127)
_JAVASCRIPT = (".js", ".mjs", ".cjs")
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

    def first_kept(self, bench: Bench) -> bytes | None:
        """Return what such a file is to be before the first run; None where there is to be none."""

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

    def first_kept(self, bench: Bench) -> bytes | None:
        """Return None: it keeps nothing."""
        return None

    def findings(self, bench: Bench, seen: Seen) -> list[Finding]:
        """Check each changed file that is there."""
        files = sorted(path for path in set(seen.changed) if path.endswith(_JAVASCRIPT) and path in seen.tree.entries)
        if not files:
            return []
        node = required(bench, "node", "install Node.js")
        found: list[Finding] = []
        for start in range(0, len(files), _NODE_CHUNK):
            chunk = files[start : start + _NODE_CHUNK]
            ran = bench.run(["sh", "-c", _NODE_LOOP, "node-check", *chunk], {"NODE": node})
            if ran.exit_code != 0:
                raise said_nothing("node", ran)
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

    def first_kept(self, bench: Bench) -> bytes | None:
        """Return None: it keeps nothing."""
        return None

    def findings(self, bench: Bench, seen: Seen) -> list[Finding]:
        """Run it; where it fails, what it said of places in the workspace, or else its last lines."""
        program, *arguments = self._command
        ran = bench.run([program if "/" in program else bench.find(program) or program, *arguments])
        if ran.exit_code == 0:
            return []
        if ran.exit_code in _NOT_RUNNABLE:
            raise CheckUnusable(f"{self.name} cannot be run here (exit code {ran.exit_code}): {end_of(ran)}")
        if ran.exit_code in KILLED:
            raise CheckWithoutVerdict(f"{self.name} was killed (exit code {ran.exit_code}): {end_of(ran)}")
        return diagnostics.command_findings(ran.output, ran.exit_code, bench.place, seen.tree.entries.__contains__)
