"""Find out how a repository's tests are run: pytest, npm test, or what the task says. Pure; facts come from `facts`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.pathways.setup.facts import RepositoryFacts, table

Ecosystem = Literal["python", "node", "custom"]

SCRATCH = "/tmp/repo-agent"  # noqa: S108 — a folder of the sandbox, which has one user and ends with the task
PYTEST_REPORT = f"{SCRATCH}/junit-pytest.xml"
NODE_REPORT = f"{SCRATCH}/junit-node.xml"

# xunit1 is the family that names each test's file; the cache would dirty the clone between the two runs.
_PYTEST_OPTIONS = (
    "-o",
    "junit_family=xunit1",
    "-o",
    f"cache_dir={SCRATCH}/pytest-cache",
    f"--junitxml={PYTEST_REPORT}",
)
_NODE_OPTIONS = (
    "--test-reporter=spec --test-reporter-destination=stdout "
    f"--test-reporter=junit --test-reporter-destination={NODE_REPORT}"
)
_NPM_PLACEHOLDER = "no test specified"
_PYTEST_SECTIONS = {
    "pyproject.toml": r"^\[tool\.pytest\b",
    "setup.cfg": r"^\[tool:pytest\]",
    "tox.ini": r"^\[pytest\]",
}


class NoTestCommand(PermanentFault):
    """Nothing in the repository says how its tests are run."""


@dataclass(frozen=True)
class TestCommand:
    """How the tests are run, from the repository's root, and where their JUnit reports will be.

    `display` is the command as a person would type it; `reason` says why it was chosen.
    """

    __test__ = False  # not a test class, though pytest collects classes by this name

    ecosystem: Ecosystem
    argv: tuple[str, ...]
    display: str
    junit_paths: tuple[str, ...]
    reason: str
    env: Mapping[str, str] = field(default_factory=dict)


def detect_test_command(facts: RepositoryFacts, explicit: str | None = None) -> TestCommand:
    """Return the repository's test command; `explicit`, a shell command of the task, wins.

    Raises:
        NoTestCommand: there is none; the message lists what was looked for.
    """
    if explicit and explicit.strip():
        return _custom(explicit.strip(), facts)
    why_pytest, script = _pytest_evidence(facts), _npm_script(facts)
    if why_pytest:
        also = "; package.json has a test script too, name it as test_command to run that" if script else ""
        return TestCommand(
            "python",
            ("python3", "-m", "pytest", *_PYTEST_OPTIONS),
            "python3 -m pytest",
            (PYTEST_REPORT,),
            f"{why_pytest}{also}",
        )
    if script:
        env = _node_env(script)
        reason = f"package.json has the test script {script!r}"
        return TestCommand("node", ("npm", "test"), "npm test", (NODE_REPORT,) if env else (), reason, env)
    raise NoTestCommand(
        "no test command was found. Looked for: a pytest section in pyproject.toml, setup.cfg or tox.ini; pytest.ini; "
        "tracked files named test_*.py or *_test.py; a test script in package.json"
        f"{_placeholder_remark(facts)}. Name the command in the task's test_command"
    )


def _custom(command: str, facts: RepositoryFacts) -> TestCommand:
    # Whatever runner the command comes to call in the end, it writes a report if it is one of the two we know.
    env = {"PYTEST_ADDOPTS": " ".join(_PYTEST_OPTIONS), **_node_env(f"{command} {_npm_script(facts) or ''}")}
    argv = ("bash", "-o", "pipefail", "-c", command)
    return TestCommand("custom", argv, command, (PYTEST_REPORT, NODE_REPORT), "the task names it", env)


def _pytest_evidence(facts: RepositoryFacts) -> str | None:
    for name in ("pytest.ini", ".pytest.ini"):
        if name in facts.files:
            return f"there is a {name}"
    for name, section in _PYTEST_SECTIONS.items():
        if re.search(section, facts.text(name), re.MULTILINE):
            return f"{name} configures pytest"
    if facts.python_tests:
        return f"there are tests for pytest, such as {min(facts.python_tests)}"
    return None


def _npm_script(facts: RepositoryFacts) -> str | None:
    script = table(facts.package_json(), "scripts").get("test")
    if not isinstance(script, str) or not script.strip() or _NPM_PLACEHOLDER in script:
        return None
    return script


def _node_env(script: str) -> dict[str, str]:
    # Node.js refuses to start when reporters and destinations do not pair up, so a script with its own keeps its own.
    return {} if "--test-reporter" in script else {"NODE_OPTIONS": _NODE_OPTIONS}


def _placeholder_remark(facts: RepositoryFacts) -> str:
    script = table(facts.package_json(), "scripts").get("test")
    return " (the one there is npm's placeholder)" if isinstance(script, str) and _NPM_PLACEHOLDER in script else ""
