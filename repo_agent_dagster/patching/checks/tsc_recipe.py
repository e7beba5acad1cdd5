"""How types are checked: ``tsc --noEmit`` on each project, with what it found out last time kept for the next."""

import json
import re
from collections.abc import Sequence

from repo_agent_dagster.patching.checks import diagnostics
from repo_agent_dagster.patching.checks.bench import Bench, Ran, Seen, required, said_nothing
from repo_agent_dagster.patching.checks.check_folder import CHECKS
from repo_agent_dagster.patching.checks.checker import CheckUnusable
from repo_agent_dagster.patching.checks.findings import Finding
from repo_agent_dagster.patching.checks.tree_index import Scope
from repo_agent_dagster.patching.checks.type_projects import build_info_of, type_projects
from repo_agent_dagster.patching.disk.paths import MISSION_CONTROL

_SUFFIXES = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json")
_VERSION = re.compile(r"^Version ([56]\.\S+)", re.MULTILINE)  # of another one's files nothing is known


class TscRecipe:
    """``tsc --noEmit``, with its incremental build information kept from run to run.

    It checks the given projects (tsconfig files, relative to the workspace), or those of the root's tsconfig.json.
    """

    scope = Scope(
        "tsc",
        suffixes=_SUFFIXES,
        package_suffixes=(".d.ts", ".d.mts", ".d.cts", ".ts", ".json"),
        whole_packages=("node_modules/typescript", "node_modules/.bin"),
    )
    programs = ("tsc", "node")
    only_changed = False
    changes_files = False

    def __init__(self, projects: Sequence[str] = ()) -> None:
        self._projects = tuple(projects)
        self.name = " ".join(("tsc", *self._projects))

    def kept(self, seen: Seen) -> Sequence[str]:
        """Return the build information of each project."""
        return [build_info_of(project) for project in self._of(seen)]

    def first_kept(self, bench: Bench) -> bytes | None:
        """Return the build information of a project without files.

        Without any, tsc takes each file's whole text for its interface, so that the first change of one line has
        everything checked again that depends on the file. With it, the first run works the interfaces out.
        """
        tsc = bench.find("tsc")
        version = _VERSION.search(bench.run([tsc, "--version"]).stdout) if tsc is not None else None
        if version is None:
            return None
        return json.dumps({"fileNames": [], "fileInfos": [], "root": [], "options": {}, "version": version[1]}).encode()

    def findings(self, bench: Bench, seen: Seen) -> list[Finding]:
        """Type-check the project of the root's tsconfig.json, or those that it refers to."""
        projects = self._of(seen)
        if not projects:
            raise CheckUnusable("there is no tsconfig.json in the workspace's root to check types by")
        tsc = required(bench, "tsc", "install typescript in the workspace: npm install --save-dev typescript")
        installed = any(path.startswith("node_modules/") for path in seen.tree.entries)
        roots = ["--typeRoots", bench.type_roots] if bench.type_roots is not None and not installed else []
        found: list[Finding] = []
        for project in projects:
            info = f"{bench.place}/{MISSION_CONTROL}/{CHECKS}/{build_info_of(project)}"
            options = ["--noEmit", "--pretty", "false", "--incremental", "--tsBuildInfoFile", info]
            ran = bench.run([tsc, "-p", project, *options, *roots])
            found += self._read(ran, bench.place)
        return found

    def _of(self, seen: Seen) -> Sequence[str]:
        return self._projects or type_projects(seen)

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
            raise said_nothing("tsc", ran)
        return found
