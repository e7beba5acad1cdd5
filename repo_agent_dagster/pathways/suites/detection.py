"""Find out how a repository's tests are run: pytest, npm test, …, or what the task says. Pure; facts from `facts`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.pathways.setup.facts import RepositoryFacts, table

Ecosystem = Literal["python", "node", "custom"]
Runner = Literal[
    "pytest", "unittest", "node:test", "vitest", "jest", "mocha", "playwright", "tap", "go", "cargo", "npm", "custom"
]
"""What carries the tests out. `npm`: a package script whose runner is not known; `custom`: the task's own command."""

SCRATCH = "/tmp/repo-agent"  # noqa: S108 — a folder of the sandbox, which has one user and ends with the task

_NPM_PLACEHOLDER = "no test specified"
_PYTEST_SECTIONS = {
    "pyproject.toml": r"^\[tool\.pytest\b",
    "setup.cfg": r"^\[tool:pytest\]",
    "tox.ini": r"^\[pytest\]",
}
_NODE_RUNNERS: tuple[tuple[Runner, str], ...] = (
    ("playwright", r"\bplaywright\s+test\b"),
    ("vitest", r"\bvitest\b"),
    ("jest", r"\b(?:jest|react-scripts\s+test)\b"),
    ("mocha", r"\bmocha\b"),
    ("node:test", r"\bnode\b[^&|;]*\s--test\b"),
    ("tap", r"\b(?:tap|tape|ava)\b"),
)
OTHER_LANGUAGES: Mapping[str, tuple[Runner, tuple[str, ...], str]] = {
    "go.mod": ("go", ("go", "test", "-json", "./..."), "go test ./..."),
    "Cargo.toml": (
        "cargo",
        ("cargo", "test", "--workspace", "--no-fail-fast"),
        "cargo test --workspace --no-fail-fast",
    ),
}
"""How tests are run where a file of this name is: the runner, its arguments, and the command as people type it."""
_REPORTING = frozenset({"pytest", "unittest", "vitest", "jest", "mocha", "playwright", "go", "cargo"})


class NoTestCommand(PermanentFault):
    """Nothing in the repository says how its tests are run."""


@dataclass(frozen=True)
class TestCommand:
    """How the tests are run, in `folder` of the repository (or of its sub-folder that is worked on).

    `display` is the command as a person would type it; `reason` says why it was chosen. `script` is the text by which
    runners and their options are recognised: a package script's, or the task's own command.
    """

    __test__ = False  # not a test class, though pytest collects classes by this name

    ecosystem: Ecosystem
    argv: tuple[str, ...]
    display: str
    reason: str
    runner: Runner = "custom"
    folder: str = ""
    script: str = ""
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def reports_itself(self) -> bool:
        """Whether the runner is one that leaves a report each time it comes to its end."""
        return self.runner in _REPORTING or (self.runner == "node:test" and "--test-reporter" not in self.script)


def detect_test_command(facts: RepositoryFacts, explicit: str | None = None) -> TestCommand:
    """Return the repository's main test command; `explicit`, a shell command of the task, wins.

    Raises:
        NoTestCommand: there is none; the message lists what was looked for.
    """
    script = npm_script(facts)
    if explicit and explicit.strip():
        text = explicit.strip()
        shell = ("bash", "-o", "pipefail", "-c", text)
        return TestCommand("custom", shell, text, "the task names it", script=f"{text} {script or ''}")
    if why_pytest := pytest_evidence(facts):
        also = "; package.json has a test script too, name it as test_command to run that" if script else ""
        argv = ("python3", "-m", "pytest")
        return TestCommand("python", argv, "python3 -m pytest", f"{why_pytest}{also}", "pytest")
    if script:
        reason = f"package.json has the test script {script!r}"
        return TestCommand("node", ("npm", "test"), "npm test", reason, node_runner(script), script=script)
    for name, (runner, arguments, display) in OTHER_LANGUAGES.items():
        if name in facts.files:
            return TestCommand("custom", arguments, display, f"there is a {name}", runner)
    raise NoTestCommand(
        "no test command was found. Looked for: a pytest section in pyproject.toml, setup.cfg or tox.ini; pytest.ini; "
        "tracked files named test_*.py or *_test.py; a test script in package.json"
        f"{_placeholder_remark(facts)}; go.mod; Cargo.toml. Name the command in the task's test_command"
    )


def node_runner(script: str) -> Runner:
    """Return which runner a package script starts; `npm` where that is none of the known."""
    return next((runner for runner, pattern in _NODE_RUNNERS if re.search(pattern, script)), "npm")


def pytest_evidence(facts: RepositoryFacts) -> str | None:
    """Return why pytest runs the tests; None: nothing says so."""
    for name in ("pytest.ini", ".pytest.ini"):
        if name in facts.files:
            return f"there is a {name}"
    for name, section in _PYTEST_SECTIONS.items():
        if re.search(section, facts.text(name), re.MULTILINE):
            return f"{name} configures pytest"
    if facts.python_tests:
        return f"there are tests for pytest, such as {min(facts.python_tests)}"
    return None


def npm_script(facts: RepositoryFacts) -> str | None:
    """Return the root's package script for tests, unless it is npm's placeholder."""
    script = table(facts.package_json(), "scripts").get("test")
    if not isinstance(script, str) or not script.strip() or _NPM_PLACEHOLDER in script:
        return None
    return script


def _placeholder_remark(facts: RepositoryFacts) -> str:
    script = table(facts.package_json(), "scripts").get("test")
    return " (the one there is npm's placeholder)" if isinstance(script, str) and _NPM_PLACEHOLDER in script else ""
