"""Every runner of the image for real: what it reports, how it is split, chosen from, and measured.

One sandbox for all; each test's folder is its own.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from repo_agent_dagster.artifacts import ArtifactStore
from repo_agent_dagster.pathways.scripts import Scripts
from repo_agent_dagster.pathways.suites.detection import TestCommand
from repo_agent_dagster.pathways.suites.reporting import Shard
from repo_agent_dagster.pathways.suites.running import run_tests
from repo_agent_dagster.pathways.suites.testrun import TestRun
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec

pytestmark = pytest.mark.docker

PYTEST = TestCommand("python", ("python3", "-m", "pytest"), "pytest", "", "pytest")
UNITTEST = TestCommand("python", ("python3", "-m", "unittest"), "unittest", "", "unittest")

LIB_PY = b"def f():\n    return 1\n\ndef g():\n    return 2\n"
LIB_JS = b"exports.f = () => 1;\nexports.g = () => {\n  return 2;\n};\n"
JS_TESTS = (
    b"test('adds', () => { if (l.f() !== 1) throw Error('no'); });\n"
    b"describe('group', () => { it('bad', () => { throw new Error('boo'); }); it.skip('later', () => {}); });\n"
)
FILES = {
    "py/lib.py": LIB_PY,
    "py/test_a.py": b"""\
import pytest
from lib import f

class TestC:
    @pytest.mark.parametrize("x", [1, 2])
    def test_m(self, x):
        assert f() == 1

def test_bad():
    assert 1 == 2

@pytest.mark.skip
def test_s():
    pass
""",
    "py/test_b.py": b"def test_ok():\n    pass\n\ndef test_ok2():\n    pass\n",
    "exits/test_e.py": b"""\
import pytest

def test_a():
    pytest.exit("done", returncode=0)

def test_b():
    assert 0
""",
    "dies/test_d.py": b"import os\n\ndef test_a():\n    os._exit(0)\n",
    "starts/test_s.py": b"""\
import subprocess, sys

def test_inner(tmp_path):
    (tmp_path / "test_inner.py").write_text("def test_no(): assert 0")
    assert subprocess.run([sys.executable, "-m", "pytest", str(tmp_path)]).returncode == 1
""",
    "un/lib.py": LIB_PY,
    "un/test_u.py": b"""\
import unittest
import lib

class T(unittest.TestCase):
    def test_a(self):
        self.assertEqual(lib.f(), 1)
    def test_parts(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)
    @unittest.skip("later")
    def test_s(self):
        pass
    @unittest.expectedFailure
    def test_x(self):
        self.fail()
""",
    "un/test_broken.py": b"import nothing_of_the_sort\n",
    "node/package.json": b'{"scripts": {"test": "node --test"}}',
    "node/lib.js": LIB_JS,
    "node/test/a.test.js": b"const {test, describe, it} = require('node:test'); const l = require('../lib.js');\n"
    + JS_TESTS,
    "node/test/b.test.js": b"throw new Error('does not load');\n",
    "node/test/c.test.js": b"const {test} = require('node:test'); test('c', () => {});\n",
    "tap/package.json": b'{"scripts": {"test": "node tap.js"}}',
    "tap/tap.js": b"console.log('TAP version 13\\nok 1 - one\\nnot ok 2 - two\\n1..2'); process.exitCode = 1;\n",
}
PACKAGES = {
    "jest": {"scripts": {"test": "jest --ci"}, "devDependencies": {"jest": "^30"}},
    "vitest": {"scripts": {"test": "vitest --globals"}, "devDependencies": {"vitest": "^4"}},
    "mocha": {"scripts": {"test": "mocha -R dot --ui bdd test"}, "devDependencies": {"mocha": "^11"}},
}
IMPORTS = {"jest": "", "vitest": "", "mocha": "const test = it;\n"}
HOOKED = b"describe('hooked', () => { before(() => { throw Error('no'); }); it('never', () => {}); });\n"


def package_files(runner: str) -> dict[str, bytes]:
    tests = f"{IMPORTS[runner]}const l = {{f: () => 1}};\n".encode() + JS_TESTS
    broken = HOOKED if runner == "mocha" else b"throw new Error('does not load');\n"
    package = json.dumps(PACKAGES[runner]).encode()
    return {"package.json": package, "test/a.test.js": tests, "test/b.test.js": broken}


ROOT = "/workspace/repo"
VENV_PROGRAMS = "/home/agent/venv/bin"


@pytest.fixture(scope="module")
def shared(sandbox_image: str) -> Iterator[Sandbox]:
    with Sandbox.open(SandboxSpec(task_id="test-runners", image=sandbox_image, memory_mb=2048)) as box:
        box.put(FILES, ROOT)
        yield box


def npm(script: str, runner: str, name: str = "test") -> TestCommand:
    argv = ("npm", "test") if name == "test" else ("npm", "run", name)
    return TestCommand("node", argv, " ".join(argv), "", runner, script=script)  # type: ignore[arg-type]


def shell(script: str) -> TestCommand:
    return TestCommand("custom", ("bash", "-o", "pipefail", "-c", script), script, "", script=script)


def outcomes(run: TestRun) -> dict[str, str]:
    assert len({case.id for case in run.cases}) == len(run.cases)
    return {case.id: case.outcome for case in run.cases}


def run(box: Sandbox, folder: str, command: TestCommand, **values: object) -> TestRun:
    return run_tests(box, f"{ROOT}/{folder}", command, timeout_seconds=60, **values)  # type: ignore[arg-type]


def test_pytest_tells_every_test_what_it_collected_and_the_lines_it_came_by(shared: Sandbox) -> None:
    read = run(shared, "py", PYTEST, coverage=True)

    assert outcomes(read) == {
        "test_a.py::TestC::test_m[1]": "passed",
        "test_a.py::TestC::test_m[2]": "passed",
        "test_a.py::test_bad": "failed",
        "test_a.py::test_s": "skipped",
        "test_b.py::test_ok": "passed",
        "test_b.py::test_ok2": "passed",
    }
    assert (read.collected, read.doubts, read.exit_code) == (6, (), 1)
    assert read.coverage is not None
    assert (read.coverage["lib.py"][2], read.coverage["lib.py"][5]) == (1, 0)


def test_the_harness_checks_the_programs_and_leaves_all_else_to_the_command(shared: Sandbox, tmp_path: Path) -> None:
    harness = Scripts(ArtifactStore(tmp_path)).deliver(shared, "test_harness.sh")

    assert run(shared, "py", PYTEST, harness=harness, only=["test_b.py"]).count("passed") == 2
    shared.put({"x/digests": b"0" * 64 + b"  a\n", "x/a": b""}, "/tmp")
    refused = shared.exec(harness.argv("/tmp/x", "echo", "started"))
    assert refused.exit_code == 126
    assert "started" not in refused.stdout


def test_pytest_runs_the_tests_that_are_asked_for_and_no_other(shared: Sandbox) -> None:
    read = run(shared, "py", PYTEST, only=["test_a.py::TestC::test_m", "test_b.py::test_ok"])

    assert list(outcomes(read)) == ["test_a.py::TestC::test_m[1]", "test_a.py::TestC::test_m[2]", "test_b.py::test_ok"]
    assert "3 deselected" in read.output


@pytest.mark.parametrize(
    ("script", "reports"),
    [
        ("pytest -q test_b.py && pytest test_b.py --junitxml=own.xml && test -s own.xml", 2),
        ("PYTHONPATH=. pytest -q test_b.py", 1),
    ],
    ids=["twice", "with a PYTHONPATH of its own"],
)
def test_pytest_reports_also_from_within_a_shell_line(shared: Sandbox, script: str, reports: int) -> None:
    read = run(shared, "py", shell(script))

    assert (read.exit_code, read.source, len(read.cases), read.doubts) == (0, "junit", 2 * reports, ())


def test_a_pytest_that_a_test_starts_is_no_part_of_the_run(shared: Sandbox) -> None:
    assert outcomes(run(shared, "starts", PYTEST)) == {"test_s.py::test_inner": "passed"}


@pytest.mark.parametrize(("folder", "said"), [("exits", "of the 2 tests"), ("dies", "missing")])
def test_a_run_that_ends_itself_early_with_exit_code_0_is_doubted(shared: Sandbox, folder: str, said: str) -> None:
    read = run(shared, folder, PYTEST)

    assert read.exit_code == 0
    assert said in read.doubts[0]


def test_unittest_tells_every_test_as_it_happens(shared: Sandbox) -> None:
    read = run(shared, "un", UNITTEST, coverage=True)

    assert outcomes(read) == {
        "unittest.loader._FailedTest.test_broken": "error",
        "test_u.py::T::test_a": "passed",
        "test_u.py::T::test_parts": "failed",
        "test_u.py::T::test_s": "skipped",
        "test_u.py::T::test_x": "skipped",
    }
    assert (read.collected, read.doubts) == (5, ())
    assert read.coverage is not None
    assert read.coverage["lib.py"][5] == 0
    assert list(outcomes(run(shared, "un", UNITTEST, only=["test_u.py::T::test_a"]))) == ["test_u.py::T::test_a"]


NODE = npm("node --test", "node:test")
NODE_OUTCOMES = {
    "test/a.test.js::adds": "passed",
    "test/a.test.js::group::bad": "failed",
    "test/a.test.js::group::later": "skipped",
    "test/b.test.js": "failed",
    "test/c.test.js::c": "passed",
}


def test_node_tells_every_test_and_the_lines_it_came_by(shared: Sandbox) -> None:
    read = run(shared, "node", NODE, coverage=True)

    assert (outcomes(read), read.doubts) == (NODE_OUTCOMES, ())
    assert [case.id for case in read.cases if case.is_file] == ["test/b.test.js"]
    assert read.coverage is not None
    assert (read.coverage["lib.js"][1], read.coverage["lib.js"][3]) == (1, 0)


@pytest.mark.parametrize("folder", ["py", "un", "node"])
def test_all_shards_together_are_all_tests_and_none_is_in_two(shared: Sandbox, folder: str) -> None:
    command = {"py": PYTEST, "un": UNITTEST, "node": NODE}[folder]
    parts = [set(outcomes(run(shared, folder, command, shard=Shard(part, 2)))) for part in (1, 2)]

    assert not parts[0] & parts[1]
    assert len(parts[0] | parts[1]) == {"py": 6, "un": 5, "node": 5}[folder]


@pytest.mark.parametrize(
    ("tool", "printed", "told"),
    [
        (
            "go",
            '{"Action": "fail", "Package": "p", "Test": "TestX"}\n{"Action": "fail", "Package": "p"}\n',
            {"p::TestX": "failed"},
        ),
        ("cargo", "running 1 test\ntest x ... FAILED\n", {"src/lib.rs::x": "failed"}),
    ],
)
def test_runners_that_only_print_are_read_from_what_they_print(
    shared: Sandbox, tool: str, printed: str, told: dict[str, str]
) -> None:
    # The image has neither; a program of that name prints what they print.
    script = f"#!/bin/sh\necho '     Running unittests src/lib.rs (x)' >&2\ncat <<'E'\n{printed}E\nexit 101\n"
    shared.put({tool: script.encode()}, VENV_PROGRAMS)
    shared.exec(["chmod", "+x", f"{VENV_PROGRAMS}/{tool}"])
    command = TestCommand("custom", (tool, "test"), tool, "", tool)  # type: ignore[arg-type]

    read = run(shared, "py", command)

    assert (outcomes(read), read.exit_code, read.doubts) == (told, 101, ())


def test_tap_is_read_from_what_is_printed(shared: Sandbox) -> None:
    read = run(shared, "tap", npm("node tap.js", "npm"))

    assert (read.source, outcomes(read)) == ("output", {"one": "passed", "two": "failed"})


# The two large ones are for `make test-real`: installing them takes longer than all other tests of this file.
@pytest.mark.parametrize(
    "runner", ["mocha", pytest.param("jest", marks=pytest.mark.real), pytest.param("vitest", marks=pytest.mark.real)]
)
def test_the_runners_of_npm_tell_every_test_whatever_their_scripts_say(shared: Sandbox, runner: str) -> None:
    shared.put(package_files(runner), f"{ROOT}/{runner}")
    with shared.network():
        install = "npm install --no-audit --no-fund --no-progress --no-package-lock"
        installed = shared.exec(install, cwd=f"{ROOT}/{runner}", timeout_seconds=240)
    assert installed.ok, installed.output
    command = npm(str(PACKAGES[runner]["scripts"]["test"]), runner)

    read = run(shared, runner, command)

    file, broken = "test/a.test.js", ("test/b.test.js", "error")
    assert outcomes(read) == {
        f"{file}::adds": "passed",
        f"{file}::group::bad": "failed",
        f"{file}::group::later": "skipped",
        **dict([("test/b.test.js::hooked", "failed") if runner == "mocha" else broken]),
    }
    assert read.doubts == ()
    assert "boo" in next(case.message for case in read.failing if "bad" in case.id)
    chosen = run(shared, runner, command, only=[f"{file}::adds"])
    assert (outcomes(chosen), chosen.exit_code) == ({f"{file}::adds": "passed"}, 0)
    parts = [set(outcomes(run(shared, runner, command, shard=Shard(part, 2)))) for part in (1, 2)]
    assert not parts[0] & parts[1]
    assert parts[0] | parts[1] == set(outcomes(read))
