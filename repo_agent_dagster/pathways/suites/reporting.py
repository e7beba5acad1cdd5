"""How a test command is started so that every runner in it writes a report, whatever calls it: Pure.

pytest is reached by PYTEST_ADDOPTS and Node.js by NODE_OPTIONS, which hold also where the command is a shell line, a
make target or a package script. The programs that go with them (`inside/`) are put into the run's scratch folder.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from repo_agent_dagster.pathways.suites.detection import TestCommand

_INSIDE = Path(__file__).parent / "inside"
_PROGRAMS = (
    "repo_agent_pytest.py",
    "repo_agent_integrity.py",
    "unittest_main.py",
    "node_hook.cjs",
    "node_integrity.cjs",
    "node_reporter.mjs",
    "mocha_reporter.cjs",
    "mocha_selection.cjs",
)
_OWN_REPORTER = re.compile(r"--test-reporter\b")
_LISTS = frozenset({"PYTEST_ADDOPTS", "NODE_OPTIONS"})
"""What a command's own environment adds to, and does not replace."""
_PIPED = {"go": "go-test.jsonl", "cargo": "cargo.txt"}


@dataclass(frozen=True)
class Shard:
    """One part of the tests: number `part` of `parts`, counted from 1. Whole files go to one part, by their hash."""

    part: int
    parts: int

    def __post_init__(self) -> None:
        if not 1 <= self.part <= self.parts:
            raise ValueError(f"there is no part {self} of the tests")

    def __str__(self) -> str:
        return f"{self.part}/{self.parts}"

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Return the shard of a text such as ``1/3``."""
        part, _, parts = text.partition("/")
        return cls(int(part), int(parts))


@dataclass(frozen=True)
class Selection:
    """Which tests are run, and what is measured. `only` holds ids of cases or files; None: all."""

    only: tuple[str, ...] | None = None
    shard: Shard | None = None
    coverage: bool = False


@dataclass(frozen=True)
class Invocation:
    """What is started: the files that go into the scratch folder first, the command, and its environment."""

    files: Mapping[str, bytes]
    argv: tuple[str, ...]
    env: Mapping[str, str]


def invoke(
    command: TestCommand, selection: Selection, *, scratch: str, root: str, with_plugin: bool = True
) -> Invocation:
    """Return how the command is started with its reports in ``<scratch>/reports``; `root` is the clone.

    Without the plugin, pytest reports once and can select nothing: for where its Python does not find the plugin.
    """
    reports = f"{scratch}/reports"
    files: dict[str, bytes] = {"reports/.keep": b""}
    programs = {f"programs/{name}": (_INSIDE / name).read_bytes() for name in _PROGRAMS}
    digests = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in programs.items())
    files |= {**programs, "digests": "".join(digests).encode()}
    env = {"REPO_AGENT_REPORTS": reports, "REPO_AGENT_ROOT": root}
    if selection.only is not None:
        files["only.json"] = json.dumps(selection.only).encode()
        env["REPO_AGENT_ONLY"] = f"{scratch}/only.json"
    if selection.shard is not None:
        env["REPO_AGENT_SHARD"] = str(selection.shard)
    if selection.coverage:
        env["REPO_AGENT_COVERAGE"] = "1"
        env["COVERAGE_FILE"] = f"{scratch}/coverage"
    if command.ecosystem in ("python", "custom"):
        env |= _python(scratch, selection, with_plugin=with_plugin)
    if command.ecosystem in ("node", "custom"):
        env["NODE_OPTIONS"] = _node_options(command, scratch)
    joined = {name: f"{env[name]} {value}" for name, value in command.env.items() if name in _LISTS and name in env}
    return Invocation(files, _argv(command, scratch), {**env, **command.env, **joined})


def _argv(command: TestCommand, scratch: str) -> tuple[str, ...]:
    if command.runner == "unittest":
        return ("python3", f"{scratch}/programs/unittest_main.py", *command.argv[3:])
    if piped := _PIPED.get(command.runner):
        # What they print is the only report of these runners; cargo names its test binaries on standard error.
        script = '"${@:2}" 2>&1 | tee -- "$1"'
        return ("bash", "-o", "pipefail", "-c", script, "tee", f"{scratch}/reports/{piped}", *command.argv)
    return command.argv


def _python(scratch: str, selection: Selection, *, with_plugin: bool) -> dict[str, str]:
    # xunit1 is the family that names each test's file; the cache would dirty the clone between two runs.
    options = ["-o", "junit_family=xunit1", "-o", f"cache_dir={scratch}/pytest-cache"]
    options.append(f"--junitxml={scratch}/reports/pytest.xml")
    if selection.coverage:
        options += ["--cov", f"--cov-report=lcov:{scratch}/reports/pytest.lcov"]
    if not with_plugin:
        return {"PYTEST_ADDOPTS": " ".join(options)}
    return {
        "PYTEST_ADDOPTS": " ".join(["-p", "repo_agent_pytest", *options]),
        "PYTHONPATH": f"{scratch}/programs",
    }


def _node_options(command: TestCommand, scratch: str) -> str:
    options = [f"--require={scratch}/programs/node_hook.cjs"]
    # Node.js refuses to start when reporters and destinations do not pair up, so a script with its own keeps its own.
    if not _OWN_REPORTER.search(command.script):
        options += ["--test-reporter=spec", "--test-reporter-destination=stdout"]
        options += [f"--test-reporter={scratch}/programs/node_reporter.mjs", "--test-reporter-destination=stdout"]
    return " ".join(options)


def lost_plugin(output: str) -> bool:
    """Whether pytest did not start because its Python does not find the plugin: the command sets its own PYTHONPATH."""
    return bool(re.search(r'(?:Error importing plugin "repo_agent_pytest"|No module named .repo_agent_pytest)', output))


def lacks_coverage(output: str) -> bool:
    """Whether a runner could not start because what measures coverage is not installed where it runs."""
    return bool(re.search(r"error: unrecognized arguments: .*--cov|Cannot find dependency '@vitest/coverage", output))


def missing_tool(runner: str, output: str) -> str:
    """Return the program that a runner's output says is not installed; empty: it says nothing of the kind."""
    if "Executable doesn't exist at" in output:
        return "a browser of playwright"
    program = {"node:test": "node"}.get(runner, runner)
    name = re.escape(program)
    # What the shells, Python and npx say.
    said = rf"\b{name}: (?:command )?not found|No module named '?{name}'?$"
    is_missing = re.search(said, output, re.MULTILINE) or "npx canceled due to missing packages" in output
    return program if is_missing else ""
