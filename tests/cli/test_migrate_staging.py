"""`migrate-staging` as a user meets it: what it prints, what it writes, and the exit code."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from click.testing import Result
from typer.testing import CliRunner

from repo_agent_dagster.cli.migrate_staging import app
from repo_agent_dagster.packaged import packaged_path
from tests.migration.conftest import read_tree, write_tree

Run = Callable[..., Result]
MANIFEST = "unit: app\ndestination: apps/app\nfiles: [{from: 'lib/*', to: ''}, {from: '**/*'}]\n"
FILES = {"migration-manifest.yaml": MANIFEST, "main.ts": "import './lib/x';\n", "lib/x.ts": "export {};\n"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, with one unit in STAGING and an empty monorepo, both where the settings say."""
    monkeypatch.setenv("REPO_AGENT_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    write_tree(tmp_path / "STAGING" / "app", FILES)
    (tmp_path / "monorepo").mkdir()
    return tmp_path


@pytest.fixture
def run(home: Path) -> Run:
    def invoke(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke


def test_plan_shows_the_diff_and_the_rewrites_and_writes_nothing(run: Run, home: Path) -> None:
    result = run("plan", "app")

    assert result.exit_code == 0
    assert "+import './x';" in result.stdout
    assert "main.ts:1" in result.stdout
    assert "app → apps/app: 3 create" in result.stdout
    assert read_tree(home / "monorepo") == {}


def test_plan_as_json_holds_the_diff(run: Run) -> None:
    told = json.loads(run("plan", "app", "--json").stdout)

    assert told["rewrites"][0]["new"] == "./x"
    assert told["diff"].startswith("diff --git ")


def test_run_migrates_and_says_what_it_did_and_the_second_time_that_there_is_nothing_to_do(
    run: Run, home: Path
) -> None:
    first = run("run", "app", "--no-validate")
    tree = read_tree(home / "monorepo")
    second = run("run", "app", "--no-validate")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "app → apps/app: 3 created" in first.stdout
    assert "nothing to do" in second.stdout
    assert read_tree(home / "monorepo") == tree
    assert tree["apps/app/main.ts"] == b"import './x';\n"


def test_status_tells_how_far_a_unit_came(run: Run) -> None:
    assert "No migration on record" in run("status").stdout

    run("run", "app", "--no-validate")

    (row,) = json.loads(run("status", "app", "--json").stdout)
    assert (row["unit"], row["status"], row["order_id"]) == ("app", "applied", "staging-app")
    run("run", "app", "--no-validate")
    assert json.loads(run("status", "--json").stdout)[0]["status"] == "applied"
    assert json.loads(run("status", "other", "--json").stdout) == []


def test_a_unit_may_be_a_path_outside_of_staging(run: Run, home: Path, tmp_path: Path) -> None:
    unit = write_tree(tmp_path / "elsewhere" / "x", FILES)
    root = tmp_path / "root"
    root.mkdir()

    assert run("run", unit, "--into", root, "--no-validate").exit_code == 0
    assert (root / "apps/app/x.ts").is_file()
    assert read_tree(home / "monorepo") == {}


def test_a_conflict_has_its_own_exit_code_and_writes_nothing(run: Run, home: Path) -> None:
    write_tree(home / "monorepo", {"apps/app/main.ts": "mine"})

    planned, executed, as_json = (
        run("plan", "app"),
        run("run", "app", "--no-validate"),
        run("run", "app", "--no-validate", "--json"),
    )

    assert [planned.exit_code, executed.exit_code, as_json.exit_code] == [3, 3, 3]
    assert "apps/app/main.ts exists already" in executed.stderr
    assert json.loads(as_json.stdout)["status"] == "conflict"
    assert read_tree(home / "monorepo") == {"apps/app/main.ts": b"mine"}
    (row,) = json.loads(run("status", "--json").stdout)
    assert row["status"] == "conflict"
    assert "exists already" in row["error"]


def test_status_shows_the_conflicts_that_wait_and_those_that_are_settled(run: Run, home: Path) -> None:
    write_tree(home / "monorepo", {"apps/app/main.ts": "mine"})
    run("run", "app", "--no-validate")
    side = home / "monorepo/.mission_control/conflicts/app/apps/app/main.ts"

    waiting = run("status", "app").stdout
    side.write_text("both\n")
    settled = run("status", "app").stdout

    assert ".mission_control/conflicts/app/apps/app/main.ts" in waiting
    assert "edit it until no marker is left" in waiting
    assert "settled: run again" in settled
    assert run("run", "app", "--no-validate").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan", "gone"], "there is no unit gone"),
        (["plan", "app", "--into", "/gone"], "target root /gone is not a folder"),
        (["plan", "broken"], "migration-manifest.yaml:1:1: destinaton: unknown field; did you mean 'destination'?"),
    ],
)
def test_wrong_input_is_told_in_one_line(run: Run, home: Path, arguments: list[str], message: str) -> None:
    write_tree(home / "STAGING" / "broken", {"migration-manifest.yaml": "destinaton: x\nunit: b\ndestination: y\n"})

    result = run(*arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_list_shows_units_with_their_manifests(run: Run, home: Path) -> None:
    write_tree(home / "STAGING" / "broken", {"a.part": ""})

    told = json.loads(run("list", "--json").stdout)

    assert [(unit["unit"], unit["settled"]) for unit in told] == [("app", False), ("broken", False)]
    assert told[0]["manifest"] == "→ apps/app"
    assert told[1]["manifest"].startswith("broken: ")
    assert "no a.part" in run("list").stdout
    assert "No units" in run("list", "--staging", home / "empty").stdout


def test_the_schema_is_json(run: Run) -> None:
    assert json.loads(run("schema").stdout)["title"] == "Manifest"


def test_the_help_teaches_the_exit_codes_and_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from repo_agent_dagster.cli.migrate_staging import app\n"
        "print(CliRunner().invoke(app, ['--help']).stdout)\n"
        "heavy = {'dagster', 'pandas', 'docker', 'openai', 'sqlalchemy', 'ast_grep_py'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "4 a check failed" in " ".join(done.stdout.split())


@pytest.fixture
def example(home: Path) -> Path:
    """The packaged unit in STAGING, and the packaged monorepo as the target."""
    (home / "monorepo").rmdir()
    shutil.copytree(packaged_path("examples", "monorepo"), home / "monorepo")
    return Path(
        shutil.copytree(packaged_path("examples", "STAGING", "feedback-worker"), home / "STAGING" / "feedback-worker")
    )


@pytest.mark.docker
def test_the_example_is_migrated_and_checked(run: Run, example: Path) -> None:
    result = run("run", "feedback-worker", "--json")

    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["status"], told["check"]["outcome"]) == ("validated", "passed")
    assert json.loads(run("status", "--json").stdout)[0]["status"] == "validated"


@pytest.mark.docker
def test_a_failed_check_rolls_back_with_its_own_exit_code(run: Run, home: Path, example: Path) -> None:
    before = read_tree(home / "monorepo")
    manifest = example / "migration-manifest.yaml"
    manifest.write_text(manifest.read_text().replace('"@shared/utils"', '"@shared/nothing"'))

    result = run("run", "feedback-worker")

    assert result.exit_code == 4
    assert "apps/feedback-worker/src/index.ts:2: TS2307" in result.stderr
    assert "rolled back" in result.stderr
    assert read_tree(home / "monorepo") == before
    assert json.loads(run("status", "--json").stdout)[0]["status"] == "rolled_back"


@pytest.mark.docker
def test_a_sandbox_that_cannot_start_leaves_the_tree_alone(
    run: Run, home: Path, example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_tree(home / "monorepo")
    monkeypatch.setenv("REPO_AGENT_SANDBOX_IMAGE", "no-such-image:ever")

    result = run("run", "feedback-worker")

    assert result.exit_code in {2, 75}
    assert read_tree(home / "monorepo") == before


@pytest.mark.docker
def test_a_run_that_is_ended_during_its_check_leaves_the_tree_as_it_was(home: Path) -> None:
    (home / "STAGING" / "app" / "migration-manifest.yaml").write_text(MANIFEST + "validate: ['sleep 311']\n")
    script = "from repo_agent_dagster.cli.migrate_staging import app; app()"
    running = subprocess.Popen([sys.executable, "-c", script, "run", "app"], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    # The engine's host sees the processes of its sandboxes: the check has begun when this one is there.
    while not any(process.info["cmdline"] == ["sleep", "311"] for process in psutil.process_iter(["cmdline"])):
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)

    running.send_signal(signal.SIGTERM)
    code = running.wait(timeout=60)

    assert code != 0
    assert read_tree(home / "monorepo") == {}
