"""What a Node.js repository needs for its tests: the lock file decides who installs it, and where. Pure."""

import posixpath
import re
import shlex
from typing import Any

from repo_agent_dagster.pathways.setup.facts import RepositoryFacts, table
from repo_agent_dagster.pathways.setup.steps import SHIMS, SetupPlan, Step, Tools

LOCK_FILES = ("pnpm-lock.yaml", "yarn.lock", "package-lock.json", "npm-shrinkwrap.json")
_KINDS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
_QUIET = ("--no-audit", "--no-fund", "--no-progress")
_OUT_OF_STEP = (
    "package.json and package-lock.json",
    "EUSAGE",
    "ERR_PNPM_OUTDATED_LOCKFILE",
    "ERR_PNPM_LOCKFILE_CONFIG_MISMATCH",
    "needs to be updated, but yarn was run with `--frozen-lockfile`",
    "YN0028",
)
_OLD_LOCK = ("ERR_PNPM_LOCKFILE_BREAKING_CHANGE", "not compatible with current pnpm", "ERR_PNPM_BROKEN_LOCKFILE")
_MANAGER = re.compile(r"(npm|pnpm|yarn)@(\d+)(?:\.[\w.-]+)?(?:\+\w+\.[0-9a-f]+)?")
_COREPACK = {"COREPACK_ENABLE_DOWNLOAD_PROMPT": "0"}
# Yarn itself comes from where npm's packages come from; corepack would ask another host for it.
_BY_COREPACK = (
    "bash",
    "-c",
    # Corepack puts a slash behind it, and two of them are another address.
    'registry="$(npm config get registry)"; export COREPACK_NPM_REGISTRY="${registry%/}"; exec "$@"',
    "corepack",
)
# Build scripts of dependencies run: all of this happens inside the sandbox, whose walls do not depend on them.
_BUILDS = "--config.dangerouslyAllowAllBuilds=true"


def node_steps(facts: RepositoryFacts, tools: Tools) -> SetupPlan:
    """Return what is to be installed for the Node.js tests of the folder; an empty plan needs no network."""
    folder = _install_folder(facts)
    package = facts.package_json(folder)
    own = facts.package_json()
    if not any(table(one, kind) for one in (package, own) for kind in _KINDS) and not _has_workspaces(facts, folder):
        return SetupPlan()
    locks = [name for name in LOCK_FILES if posixpath.join(folder, name) in facts.files]
    manager, major = _manager(facts, folder, package, locks)
    lock = next((name for name in locks if name.startswith(_LOCKS[manager])), "")
    steps = _STEPS[manager](major, bool(lock), tools)
    placed = tuple(step.placed(folder) for step in steps)
    where = f" for the workspace at {folder}" if folder else ""
    pinned = f"package.json has dependencies, pinned in {lock}" if lock else "no lock file pins the dependencies"
    reason = f"{pinned}{where}" if lock else f"package.json has dependencies{where}, and {pinned}"
    return SetupPlan(placed, reason, whole_commit=_runs_own_code(facts, package))


def _install_folder(facts: RepositoryFacts) -> str:
    """Return the folder to install in: the root of the workspace that a sub-folder belongs to, or the sub-folder."""
    if any(name in facts.files for name in LOCK_FILES):
        return ""
    for folder in facts.folders_above():
        locked = any(posixpath.join(folder, name) in facts.files for name in LOCK_FILES)
        if _has_workspaces(facts, folder) or (locked and posixpath.join(folder, "package.json") in facts.files):
            return folder
    return ""


def _has_workspaces(facts: RepositoryFacts, folder: str) -> bool:
    manifest = posixpath.join(folder, "pnpm-workspace.yaml")
    return bool(facts.package_json(folder).get("workspaces")) or manifest in facts.files


def _manager(facts: RepositoryFacts, folder: str, package: dict[str, Any], locks: list[str]) -> tuple[str, int]:
    """Return who installs, and which major version of it is asked for; 0: whichever is there."""
    named = _MANAGER.fullmatch(str(package.get("packageManager", "")))
    if named:
        return named[1], int(named[2])
    if "pnpm-lock.yaml" in locks or posixpath.join(folder, "pnpm-workspace.yaml") in facts.files:
        return "pnpm", 0
    if "yarn.lock" in locks or posixpath.join(folder, ".yarnrc.yml") in facts.files:
        modern = posixpath.join(folder, ".yarnrc.yml") in facts.files
        modern |= "__metadata:" in facts.text(posixpath.join(folder, "yarn.lock"))
        return "yarn", 4 if modern else 1
    return "npm", 0


def _npm(_major: int, locked: bool, _tools: Tools) -> list[Step]:
    unlocked = Step(
        ("npm", "install", "--no-package-lock", *_QUIET),
        otherwise=Step(("npm", "install", "--no-package-lock", "--legacy-peer-deps", *_QUIET)),
        refusals=("ERESOLVE",),
        remark="the dependencies' own wishes for one another do not go together, and were left aside",
    )
    if not locked:
        return [unlocked]
    remark = "the lock file is out of step with package.json, so the newest versions that fit were installed"
    return [Step(("npm", "ci", *_QUIET), otherwise=unlocked, refusals=_OUT_OF_STEP, remark=remark)]


def _pnpm(_major: int, locked: bool, tools: Tools) -> list[Step]:
    # pnpm switches to the version that package.json asks for by itself.
    pnpm = ("pnpm",) if "pnpm" in tools.programs else ("npx", "--yes", "pnpm")
    plain = Step((*pnpm, "install", "--no-frozen-lockfile", "--no-lockfile", _BUILDS))
    if not locked:
        return [plain]
    older = Step(
        ("npx", "--yes", "pnpm@8", "install", "--frozen-lockfile"),
        otherwise=plain,
        remark="pnpm-lock.yaml could not be used, so the newest versions that fit were installed",
    )
    remark = "pnpm-lock.yaml is of an older pnpm or out of step with package.json"
    refusals = (*_OLD_LOCK, *_OUT_OF_STEP)
    return [Step((*pnpm, "install", "--frozen-lockfile", _BUILDS), otherwise=older, refusals=refusals, remark=remark)]


def _yarn(major: int, locked: bool, tools: Tools) -> list[Step]:
    remark = "yarn.lock is out of step with package.json, so the newest versions that fit were installed"
    if major < 2:  # yarn's second version, "berry", is another program with other options
        quiet = ("--non-interactive", "--no-progress")
        plain = Step(("yarn", "install", "--no-lockfile", *quiet))
        frozen = Step(("yarn", "install", "--frozen-lockfile", *quiet), otherwise=plain, remark=remark)
        return [frozen] if locked else [plain]
    # The tests' own calls of yarn find the version that was installed, also without a network.
    shim = f"mkdir -p {SHIMS} && corepack enable --install-directory {SHIMS} yarn"
    enable = Step(("bash", "-c", shim), shown=shim, env=_COREPACK, optional="corepack" not in tools.programs)
    yarn = (f"{SHIMS}/yarn", "install")
    newest, immutable = (*yarn, "--no-immutable"), (*yarn, "--immutable")
    plain = Step((*_BY_COREPACK, *newest), shown=shlex.join(newest), env=_COREPACK)
    if not locked:
        return [enable, plain]
    frozen = Step(
        (*_BY_COREPACK, *immutable),
        shown=shlex.join(immutable),
        env=_COREPACK,
        otherwise=plain,
        refusals=_OUT_OF_STEP,
        remark=remark,
    )
    return [enable, frozen]


_STEPS = {"npm": _npm, "pnpm": _pnpm, "yarn": _yarn}
_LOCKS = {"npm": ("package-lock", "npm-shrinkwrap"), "pnpm": ("pnpm-lock",), "yarn": ("yarn.lock",)}


def _runs_own_code(facts: RepositoryFacts, package: dict[str, Any]) -> bool:
    """Whether installing runs scripts of the repository, or takes packages from its own folders."""
    scripts = table(package, "scripts")
    if {"preinstall", "install", "postinstall", "prepare", "prepublish"} & scripts.keys():
        return True
    wanted = (str(version) for kind in _KINDS for version in table(package, kind).values())
    return any(version.startswith(("file:", "link:", "./", "../", "/")) for version in wanted)
