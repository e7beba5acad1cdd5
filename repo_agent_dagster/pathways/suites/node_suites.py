"""The suites of Node.js packages: their test scripts, or the runner they have without one. Pure."""

import posixpath
import re
from collections.abc import Iterator

from repo_agent_dagster.pathways.setup.facts import RepositoryFacts, table
from repo_agent_dagster.pathways.suites.detection import Runner, TestCommand, node_runner
from repo_agent_dagster.pathways.suites.hints import Hints

_PLACEHOLDER = "no test specified"
_E2E = re.compile(r"e2e|end-to-end|playwright|cypress|browser", re.IGNORECASE)
_NOT_FOR_US = re.compile(r"watch|debug|update|lint|types?$|cov|ui$|bench|headed|install|open", re.IGNORECASE)
_DELEGATES = re.compile(
    r"--workspaces?\b|\bturbo\b|\blerna\b|\bnx\b|\bpnpm\s+(?:-r|--recursive|--filter)|\bworkspaces?\s+(?:run|foreach)\b"
)
_CALL = re.compile(r"(?:npm|pnpm|yarn)\s+(?:run\s+)?([\w:.-]+)")
_NOT_PROJECTS = frozenset(
    {"fixtures", "__fixtures__", "fixture", "templates", "testdata", "vendor", "examples", "dist"}
)
_BARE: tuple[tuple[Runner, str, tuple[str, ...]], ...] = (
    ("vitest", r"vitest\.config\..*|vitest\.workspace\..*", ("npx", "--no-install", "vitest", "run")),
    ("jest", r"jest\.config\..*", ("npx", "--no-install", "jest")),
    ("mocha", r"\.mocharc.*", ("npx", "--no-install", "mocha")),
)


def node_commands(facts: RepositoryFacts, hints: Hints) -> Iterator[tuple[TestCommand, str]]:
    """Yield how each package's tests are run, and of what kind they are: ``unit`` or ``e2e``."""
    folders = sorted(
        posixpath.dirname(name)
        for name in facts.files
        if posixpath.basename(name) == "package.json" and not name.startswith("../")
    )
    packages = [folder for folder in folders if not set(folder.split("/")) & _NOT_PROJECTS]
    for folder in packages:
        yield from _of_package(facts, hints, folder, packages)


def _of_package(
    facts: RepositoryFacts, hints: Hints, folder: str, packages: list[str]
) -> Iterator[tuple[TestCommand, str]]:
    package = facts.package_json(folder)
    told = {name: text for name, text in table(package, "scripts").items() if isinstance(text, str) and text.strip()}
    scripts = _test_scripts(told)
    if len(packages) > 1 and _DELEGATES.search(scripts.get("test", "")):
        del scripts["test"]  # it runs the other packages' scripts, which are suites of their own
    for name, text in scripts.items():
        argv = ("npm", "test") if name == "test" else ("npm", "run", name)
        reason = f"package.json has the script {name}: {text!r}"
        runner = node_runner(text)
        kind = "e2e" if runner == "playwright" or _E2E.search(f"{name} {text}") else "unit"
        yield TestCommand("node", argv, " ".join(argv), reason, runner, folder, text), kind
    runners = {node_runner(text) for text in told.values()}
    configs = [posixpath.basename(name) for name in facts.files if posixpath.dirname(name) == folder]
    if "playwright" not in runners and any(name.startswith("playwright.config.") for name in configs):
        bare = ("npx", "--no-install", "playwright", "test")
        reason = "there is a configuration of playwright"
        yield TestCommand("node", bare, " ".join(bare), reason, "playwright", folder, "playwright test"), "e2e"
    if not scripts:
        yield from _without_script(package, configs, hints, folder)


def _test_scripts(told: dict[str, str]) -> dict[str, str]:
    """Return the scripts that are suites: `test`, and those beside it that it does not run itself."""
    main = told.get("test", "")
    if _PLACEHOLDER in main:
        main = ""
    parts = [_CALL.fullmatch(part.strip()) for part in main.split("&&")]
    called = [part[1] for part in parts if part]
    if main and len(called) == len(parts) and all(name in told for name in called):
        return {name: told[name] for name in called}  # each has a runner and a kind of its own
    found = {"test": main} if main else {}
    for name, text in told.items():
        is_test = re.match(r"tests?[:\-.]|(?:e2e|unit|integration)\b", name) and not _NOT_FOR_US.search(name)
        is_run_by_test = re.search(rf"(?<![\w:-]){re.escape(name)}(?![\w:-])|\btest:\*", main)
        is_further = not main or _E2E.search(f"{name} {text}")
        if is_test and is_further and not is_run_by_test:
            found[name] = text
    return found


def _without_script(
    package: dict[str, object], configs: list[str], hints: Hints, folder: str
) -> Iterator[tuple[TestCommand, str]]:
    names = {name for kind in ("dependencies", "devDependencies") for name in table(package, kind)}
    for runner, config, argv in _BARE:
        if runner in names or any(re.fullmatch(config, name) for name in configs):
            reason = f"package.json has no test script, but {runner}"
            yield TestCommand("node", argv, " ".join(argv), reason, runner, folder, runner), "unit"
            return
    tests = [name for name in hints.importing("node:test") if not folder or name.startswith(f"{folder}/")]
    if tests and "node_modules" not in folder:
        reason = f"{min(tests)} imports node:test"
        yield TestCommand("node", ("node", "--test"), "node --test", reason, "node:test", folder, "node --test"), "unit"
