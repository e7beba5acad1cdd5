"""`patchctl` and checks: which one it takes, where that runs, and how it tells what was found."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run

MARK = "touch ../ran-on-the-host"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "f.py").write_text("a = 1\n")
    return folder


@pytest.fixture
def run(tmp_path: Path, store_url: str) -> Run:
    """Run a program of ours on a machine where no Docker engine answers."""
    environment = {
        **os.environ,
        "REPO_AGENT_DATABASE_URL": store_url,
        "REPO_AGENT_HOME": str(tmp_path / "home"),
        "DOCKER_HOST": f"unix://{tmp_path}/none.sock",
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }

    def run_it(module: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-c", f"from repo_agent_dagster.cli.{module} import app; app()", *arguments]
        return subprocess.run(
            argv, cwd=tmp_path, env=environment, input=stdin, capture_output=True, text=True, check=False
        )

    return run_it


@pytest.fixture
def append(run: Run, root: Path) -> Run:
    """Append a line to f.py, with further options."""

    def append_it(*options: str, block: str = "b = 2") -> subprocess.CompletedProcess[str]:
        return run("patchctl", "append", "--workspace", str(root), "--file", "f.py", "--block", block, *options)

    return append_it


def test_findings_and_the_guilty_patch_are_told_as_json(run: Run, root: Path) -> None:
    operations = [{"op": "append", "file": "f.py", "block": block} for block in ("b = 2", "x = (", "# c")]
    options = ["--batch", "-", "--workspace", str(root), "--check", "python", "--trusted", "--json"]
    done = run("patchctl", "apply", *options, stdin=json.dumps({"patches": operations}))
    assert (done.returncode, done.stderr) == (4, "")
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "CheckFailed"
    assert [(one["file"], one["line"], one["code"]) for one in error["findings"]] == [("f.py", 3, "syntax")]
    assert (error["guilty"]["index"], error["guilty"]["file"], error["guilty"]["op"]) == (1, "f.py", "append")
    assert len(error["guilty"]["patchId"]) == 36
    assert (root / "f.py").read_text() == "a = 1\n"


def test_the_registered_check_of_a_trusted_workspace_runs_on_the_host(run: Run, append: Run, root: Path) -> None:
    added = run("main", "workspaces", "add", str(root), "--check-command", f"sh -c '{MARK}'", "--trusted")
    assert added.returncode == 0
    assert append().stdout.rstrip().endswith(f"; the check sh -c '{MARK}' found nothing new")
    assert (root.parent / "ran-on-the-host").exists()
    assert json.loads(append("--no-check", "--json").stdout)["check"] is None
    assert json.loads(append("--check", "python", "--trusted", "--json").stdout)["check"] == "python"
    shown = json.loads(run("patchctl", "log", "--workspace", str(root), "--json").stdout)
    assert (shown[0]["last_event"], shown[0]["ts_check_ok"]) == ("patch_validated", True)


@pytest.mark.parametrize("trusts", [True, False])
def test_a_command_that_a_batch_brings_never_runs_on_the_host(run: Run, root: Path, trusts: bool) -> None:
    run("main", "workspaces", "add", str(root), "--check", "python", "--trusted")
    operations = [{"op": "append", "file": "f.py", "block": "b = 2"}]
    batch = json.dumps({"patches": operations, "check": {"command": ["sh", "-c", MARK]}})
    trusted = ["--trusted"] if trusts else []
    done = run("patchctl", "apply", "--batch", "-", "--workspace", str(root), *trusted, stdin=batch)
    assert done.returncode == 6
    assert "needs a sandbox, and there is none" in done.stderr
    assert not (root.parent / "ran-on-the-host").exists()
    assert (root / "f.py").read_text() == "a = 1\n"


def test_a_registered_check_runs_in_a_sandbox_unless_trusted(run: Run, append: Run, root: Path) -> None:
    run("main", "workspaces", "add", str(root), "--check-command", f"sh -c '{MARK}'")
    assert append().returncode == 6
    assert append("--no-check").returncode == 0
    assert not (root.parent / "ran-on-the-host").exists()
    assert append("--trusted").returncode == 0
    assert (root.parent / "ran-on-the-host").exists()


def test_what_is_typed_wins_over_what_is_registered(run: Run, append: Run, root: Path) -> None:
    run("main", "workspaces", "add", str(root), "--check-command", "false", "--trusted")
    assert append("--check-command", "sh -c 'grep -q \"b = 2\" f.py'", "--trusted").returncode == 0


def test_a_dry_run_checks_nothing(run: Run, append: Run, root: Path) -> None:
    run("main", "workspaces", "add", str(root), "--check-command", f"sh -c '{MARK}'", "--trusted")
    assert append("--dry-run").returncode == 0
    assert not (root.parent / "ran-on-the-host").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--check", "python", "--no-check"], "give one of"),
        (["--check", "python", "--check-command", "make"], "give one of"),
        (["--check-command", "'"], "split into words"),
        (["--check-command", ""], "is empty"),
        (["--trusted"], "about a check, and there is none"),
        (["--check-command", "there-is-none", "--trusted"], "cannot be run on this host"),
        (["--check", "tsc", "--trusted"], "no tsconfig.json"),
    ],
)
def test_a_check_that_cannot_be_is_a_wrong_request(append: Run, root: Path, options: list[str], message: str) -> None:
    done = append(*options)
    assert (done.returncode, message in done.stderr) == (2, True)
    assert (root / "f.py").read_text() == "a = 1\n"


def test_an_unchecked_batch_loads_nothing_of_checks(root: Path, store_url: str) -> None:
    script = (
        "import sys\nfrom repo_agent_dagster.cli.patchctl import app\n"
        f"given = ['-w', {str(root)!r}, '--file', 'f.py', '--block', '#', '--database-url',"
        f" {store_url!r}]\n"
        "heavy = ('docker', 'sqlalchemy', 'repo_agent_dagster.pathways', 'repo_agent_dagster.sandbox')\n"
        "try:\n    app(['append', *given])\n"
        "finally:\n    print('loaded', [name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"
