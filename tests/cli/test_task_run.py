"""`repo-agent task run`: one JSON object, an exit code for scripts, and the same records as under a daemon."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from repo_agent_dagster.cli.example_repo import commit_files
from repo_agent_dagster.cli.main import app
from repo_agent_dagster.sandbox import list_sandboxes

pytestmark = pytest.mark.docker

Run = Callable[..., subprocess.CompletedProcess[str]]
BUGGY = "def total(prices):\n    return sum(prices[1:])\n"
TEST = "from shop import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
FIX = """--- a/shop.py
+++ b/shop.py
@@ -1,2 +1,2 @@
 def total(prices):
-    return sum(prices[1:])
+    return sum(prices)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, sandbox_image: str) -> Path:
    return tmp_path_factory.mktemp("task-run") / "home"


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "REPO_AGENT_HOME": str(home), "REPO_AGENT_REPO_PROTOCOLS": "file"}


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    def go(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "repo_agent_dagster.cli.main", "task", *arguments]
        return subprocess.run(command, env=environment, cwd=tmp_path, input=stdin, capture_output=True, text=True)

    return go


@pytest.fixture
def repository(tmp_path: Path, now: datetime) -> Callable[[Mapping[str, str]], str]:
    def make(files: Mapping[str, str]) -> str:
        content = {name: text.encode() for name, text in files.items()}
        commit_files(tmp_path / "origin", content, now=now, message="As it was")
        return str(tmp_path / "origin")

    return make


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    answer = json.loads(done.stdout)
    assert set(answer) == {"task_id", "pathway", "verdict", "reasons", "tests", "durations", "artifacts"}
    return answer


def test_a_fix_is_proved_with_exit_code_0_and_everything_on_record(
    run: Run, repository: Callable[[Mapping[str, str]], str], tmp_path: Path
) -> None:
    (tmp_path / "fix.diff").write_text(FIX)
    url = repository({"shop.py": BUGGY, "test_shop.py": TEST})

    done = run("run", "solution_validation", "--repo-url", url, "--patch", "fix.diff", "--json")

    assert done.returncode == 0, done.stderr
    answer = told(done)
    assert (answer["pathway"], answer["verdict"]) == ("solution_validation", "fixed")
    assert answer["tests"]["fail_to_pass"] == ["test_shop.py::test_total"]
    assert answer["tests"]["pass_to_fail"] == []
    assert {"report.html", "result.json"} <= {artifact["name"] for artifact in answer["artifacts"]}
    assert "pytest" in done.stderr
    status = json.loads(run("status", answer["task_id"], "--json").stdout)
    assert (status["status"], status["result"]["verdict"]) == ("success", "fixed")
    assert "$ " in run("logs", answer["task_id"]).stdout
    tests = json.loads(run("tests", answer["task_id"], "--json").stdout)
    assert {(test["run"], test["outcome"]) for test in tests} == {("before", "failed"), ("after", "passed")}


def test_a_patch_from_standard_input_that_does_nothing_is_a_bad_verdict(
    run: Run, repository: Callable[[Mapping[str, str]], str]
) -> None:
    url = repository({"shop.py": BUGGY, "test_shop.py": TEST})
    useless = FIX.replace("+    return sum(prices)\n", "+    return sum(prices[2:])\n")

    done = run("run", "solution_validation", "--repo-url", url, "--patch", "-", stdin=useless)

    assert done.returncode == 1, done.stderr
    assert told(done)["verdict"] == "no_effect"


def test_a_suite_is_run_and_told(run: Run, repository: Callable[[Mapping[str, str]], str]) -> None:
    url = repository({"test_a.py": "def test_a():\n    pass\n\n\ndef test_b():\n    assert False\n"})

    done = run("run", "testing", "--repo-url", url, "--test-mode", "unit", "--quiet")

    assert done.returncode == 1
    assert told(done)["tests"]["failing"] == ["test_a.py::test_b"]
    assert done.stderr == ""


def test_what_cannot_be_judged_has_exit_code_3(run: Run, repository: Callable[[Mapping[str, str]], str]) -> None:
    done = run("run", "testing", "--repo-url", repository({"README.md": "nothing\n"}))

    assert done.returncode == 3
    assert told(done)["verdict"] == "no_tests"


def test_a_step_that_breaks_is_told_as_an_error_and_closes_the_task(run: Run, tmp_path: Path) -> None:
    done = run("run", "testing", "--repo-url", str(tmp_path / "nowhere"))

    assert done.returncode == 3
    answer = told(done)
    assert answer["verdict"] == "error"
    assert "nowhere" in answer["reasons"][0]
    status = json.loads(run("status", answer["task_id"], "--json").stdout)
    assert status["status"] == "failed"
    assert status["error"].startswith("clone: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("solution_validation", "--repo-url", "x", "--patch", "none.diff"), "there is no file none.diff"),
        (("solution_validation", "--repo-url", "https://u:p@git.example/r", "--patch", "-"), "holds a user or a pass"),
        (("testing", "--repo-url", "https://ghp_token@git.example/r"), "holds a user or a pass"),
        (("solution_validation", "--repo-url", "x"), "Missing option '--patch'"),
        (("testing", "--repo-url", ""), "repoUrl: "),
        (("testing", "--repo-url", "x", "--shard", "3"), "shard: "),
        (("testing", "--repo-url", "x", "--test-mode", "all"), "testMode: "),
        (("testing", "--repo-url", "x", "--subfolder", "../up"), "relative path inside"),
        (("testing", "--repo-url", "x", "--timeout", "0"), "'--timeout'"),
        (("error_recreation", "--repo-url", "x", "--description", "none.md"), "there is no file none.md"),
        (("error_recreation", "--repo-url", "x", "--description", "-", "--bisect"), "bisect needs goodRef"),
        (("dance", "--repo-url", "x"), "No such command 'dance'"),
    ],
)
def test_wrong_input_is_told_with_exit_code_2_and_no_task(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_AGENT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["task", "run", *arguments], input="text")

    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "home").exists()


def test_ctrl_c_cancels_the_task_and_leaves_no_sandbox(
    environment: dict[str, str], home: Path, run: Run, repository: Callable[[Mapping[str, str]], str]
) -> None:
    url = repository({"test_a.py": "import time\n\n\ndef test_a():\n    time.sleep(300)\n"})
    command = [sys.executable, "-m", "repo_agent_dagster.cli.main", "task", "run", "testing", "--repo-url", url]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as going:
        assert going.stderr is not None
        for line in going.stderr:
            if "test session starts" in line:
                break
        going.send_signal(signal.SIGINT)
        _, errors = going.communicate(timeout=60)

    assert going.returncode == 130, errors
    task = json.loads(run("list", "--json", "--limit", "1").stdout)[0]
    assert (task["status"], task["error"]) == ("cancelled", "interrupted")
    assert list_sandboxes(owner=str(home)) == []
