"""`migrate-staging standards` as a user meets it: what it prints, what it writes, and the exit code."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from repo_agent_dagster.cli.errors import FaultTellingGroup
from repo_agent_dagster.cli.patchctl import app as patchctl
from repo_agent_dagster.cli.standards import add_to
from tests.migration.conftest import read_tree, write_tree
from tests.migration.standards.conftest import NO_ALERT

Run = Callable[..., Result]
ENTRYPOINT = (
    "import { WorkerEntrypoint } from 'cloudflare:workers';\r\n"
    "import { BaseWorkerEntrypoint } from './base';\r\n"
    "export class A extends WorkerEntrypoint {}\r\n"
)
FILES = {"apps/a/rpc.ts": ENTRYPOINT, "apps/a/http.ts": "app.get('/users', h);\n", "apps/b/ok.ts": "f();\n"}

app = typer.Typer(cls=FaultTellingGroup)
app.callback()(lambda: None)
add_to(app)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPO_AGENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return write_tree(tmp_path / "monorepo", FILES)


@pytest.fixture
def run(root: Path) -> Run:
    def invoke(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, ["standards", *map(str, arguments)])

    return invoke


def test_findings_are_shown_by_file_with_place_level_rule_and_whether_they_can_be_fixed(run: Run, root: Path) -> None:
    result = run(root)

    assert result.exit_code == 1
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0] == "apps/a/http.ts"
    assert lines[1] == "1:9 warning rest-paths REST path '/users' is not /api/<module>/<action>"
    assert lines[3] == "apps/a/rpc.ts"
    assert lines[4].startswith("3:24 error rpc-entrypoints this entrypoint extends WorkerEntrypoint;")
    assert lines[4].endswith("[fixable]")
    assert lines[-1] == "1 error, 1 warning · 3 files by 6 rules · score 50 · 1 fixable with --fix"
    assert read_tree(root) == {path: content.encode() for path, content in FILES.items()}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--fail-on", "never"], 0),
        (["--rule", "rest-paths"], 0),
        (["--rule", "rest-paths", "--fail-on", "warning"], 1),
        (["--ignore", "rpc-entrypoints", "--ignore", "rest-paths", "--fail-on", "warning"], 0),
    ],
)
def test_the_exit_code_goes_by_the_level_that_is_asked_for(
    run: Run, root: Path, arguments: list[str], code: int
) -> None:
    assert run(root, *arguments).exit_code == code


def test_json_holds_the_report(run: Run, root: Path) -> None:
    told = json.loads(run(root, "--json").stdout)

    assert told["root"] == str(root)
    assert (told["score"], told["counts"]["error"], told["by_rule"]["rest-paths"]) == (50, 1, 1)
    assert told["findings"][0]["file"] == "apps/a/http.ts"


def test_a_dry_run_shows_the_diff_and_writes_nothing(run: Run, root: Path) -> None:
    result = run(root, "--fix", "--dry-run")

    assert "+export class A extends BaseWorkerEntrypoint {}" in result.stdout
    assert "1 fix in 1 file; nothing written" in result.stdout
    assert result.exit_code == 0
    assert read_tree(root) == {path: content.encode() for path, content in FILES.items()}


def test_a_fix_is_written_as_one_batch_on_record_and_can_be_reverted(run: Run, root: Path) -> None:
    (root / "apps/a/rpc.ts").chmod(0o755)

    fixed = json.loads(run(root, "--fix", "--json").stdout)
    again = json.loads(run(root, "--fix", "--json").stdout)

    assert fixed["counts"]["error"] == 0
    assert fixed["fixed"]["files"] == ["apps/a/rpc.ts"]
    assert (again["fixed"]["files"], again["fixed"]["batch_id"]) == ([], None)
    assert (root / "apps/a/rpc.ts").read_bytes() == (
        b"import { BaseWorkerEntrypoint } from './base';\r\nexport class A extends BaseWorkerEntrypoint {}\r\n"
    )
    assert (root / "apps/a/rpc.ts").stat().st_mode & 0o111
    reverted = CliRunner().invoke(patchctl, ["revert", "--batch", fixed["fixed"]["batch_id"], "--workspace", str(root)])
    assert reverted.exit_code == 0, reverted.output
    assert read_tree(root) == {path: content.encode() for path, content in FILES.items()}


def test_a_part_of_a_checkout_is_checked_by_paths_from_its_root(run: Run, root: Path) -> None:
    (root / ".git").mkdir()

    told = json.loads(run(root / "apps" / "a", "--json").stdout)

    assert told["root"] == str(root)
    assert {one["file"] for one in told["findings"]} == {"apps/a/http.ts", "apps/a/rpc.ts"}


def test_a_teams_own_rules_are_checked_listed_explained_and_tried(run: Run, root: Path, tmp_path: Path) -> None:
    rules = tmp_path / "team.yaml"
    rules.write_text(NO_ALERT)
    (root / "apps/b/ok.ts").write_text("alert('x');\n")

    checked = run(root, "--rules", rules, "--rule", "no-alert")
    listed = json.loads(run("--rules", rules, "--list", "--json").stdout)
    explained = run("--rules", rules, "--explain", "no-alert")
    tried = run("--rules", rules, "--test-rules")

    assert "alert('x') stops the page" in checked.stdout
    assert [one["id"] for one in listed][-1] == "no-alert"
    assert listed[-1]["from"] == str(rules)
    assert "It stops the page." in explained.stdout
    assert "standards-ignore: no-alert reason" in explained.stdout
    assert tried.exit_code == 0
    assert "7 rules" in tried.stdout


def test_an_example_that_fails_is_told_and_makes_the_exit_code_1(run: Run, tmp_path: Path) -> None:
    rules = tmp_path / "team.yaml"
    rules.write_text(NO_ALERT.replace("code: \"alert('x');\\n\"", 'code: "f();"'))

    result = run("--rules", rules, "--rule", "no-alert", "--test-rules")

    assert result.exit_code == 1
    assert "no-alert bad[0]: not found" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rule", "rest-path"], "there is no rule 'rest-path'; did you mean 'rest-paths'?"),
        (["--explain", "rest-path"], "there is no rule 'rest-path'"),
        (["--rules", "gone.yaml"], "gone.yaml: cannot be read: No such file or directory"),
        (["--dry-run"], "--dry-run is for --fix"),
        (["--unsafe-fixes"], "--unsafe-fixes is for --fix"),
        (["gone"], "there is no gone; name a folder or a file"),
        (["--root", "apps"], "is not inside the root"),
    ],
)
def test_wrong_input_is_told_in_one_line(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(root)

    result = run(*arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_a_broken_rule_file_is_told_with_its_place(run: Run, root: Path, tmp_path: Path) -> None:
    rules = tmp_path / "team.yaml"
    rules.write_text(NO_ALERT.replace("level: error", "level: eror"))

    result = run(root, "--rules", rules)

    assert result.exit_code == 2
    assert "team.yaml:4:8: level: 'eror' is not one of error, warning, info; did you mean 'error'?" in result.stderr


def test_the_schema_of_rule_files_is_json(run: Run) -> None:
    assert json.loads(run("--schema").stdout)["title"] == "Rule file"


def test_the_help_tells_the_exit_codes_and_loads_no_parser() -> None:
    script = (
        "import sys, typer\n"
        "from typer.testing import CliRunner\n"
        "from repo_agent_dagster.cli.standards import add_to\n"
        "app = typer.Typer()\n"
        "app.callback()(lambda: None)\n"
        "add_to(app)\n"
        "print(CliRunner().invoke(app, ['standards', '--help']).stdout)\n"
        "heavy = {'dagster', 'sqlalchemy', 'ast_grep_py'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "2 wrong input" in " ".join(done.stdout.split())
