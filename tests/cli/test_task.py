"""`repo-agent task`: submitting, finding, cancelling and retrying; wrong input is one line and exit code 2."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from repo_agent_dagster.cli.main import app


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPO_AGENT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["task", *arguments], input=stdin)


def submitted(**options: str) -> str:
    extra = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
    result = run("invoke", "ops_scan", "--payload", '{"day": "2026-03-04"}', *extra)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def shown(task_id: str) -> dict[str, Any]:
    return json.loads(run("status", task_id, "--json").stdout)


def test_a_submitted_task_is_listed_and_shown_by_a_part_of_its_id() -> None:
    task_id = submitted(order="order-9", prompt="last night, please")
    listed = run("list").stdout
    assert task_id in listed
    assert "order-9" in listed
    task = shown(task_id[-12:])
    assert (task["id"], task["status"], task["orderId"]) == (task_id, "pending", "order-9")
    assert task["payload"] == {"day": "2026-03-04", "scope": "full"}


@pytest.mark.parametrize("how", ["file", "stdin"])
def test_a_payload_comes_from_a_file_or_standard_input(how: str, home: Path) -> None:
    text = '{"repoUrl": "https://git.example/r.git", "diff": "--- a\\n+++ b\\n"}'
    (home / "request.json").write_text(text)
    source, stdin = ("@request.json", None) if how == "file" else ("-", text)
    result = run("invoke", "solution_validation", "--payload", source, "--json", stdin=stdin)
    assert shown(json.loads(result.stdout)["id"])["repoUrl"] == "https://git.example/r.git"


def test_the_same_dedupe_key_gives_the_same_task() -> None:
    assert submitted(dedupe_key="nightly") == submitted(dedupe_key="nightly")


def test_a_cancelled_task_can_be_retried_as_its_next_attempt() -> None:
    task_id = submitted()
    assert run("cancel", task_id).exit_code == 0
    assert shown(task_id)["status"] == "cancelled"
    assert "attempt 2" in run("retry", task_id).stdout
    assert shown(task_id)["status"] == "pending"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("invoke", "ops_scan", "--payload", "{}"), "not a OpsScanPayload: day: Field required"),
        (("invoke", "ops_scan", "--payload", '{"day": "soon"}'), "day: "),
        (("invoke", "ops_scan", "--payload", '{"day": "2026-03-04", "scop": "full"}'), "scop: Extra inputs"),
        (("invoke", "ops_scan", "--payload", "not json"), "Invalid JSON"),
        (("invoke", "ops_scan", "--payload", "@missing.json"), "there is no file missing.json"),
        (
            ("invoke", "solution_validation", "--payload", '{"repoUrl": "x"}'),
            "give exactly one of diff, batch and pullRequest",
        ),
        (("invoke", "dance", "--payload", "{}"), "'dance' is not one of"),
        (("status", "0000"), "no task request 0000"),
        (("logs", "0000"), "no task request 0000"),
        (("cancel", "0000"), "no task request 0000"),
        (("retry", "0000"), "no task request 0000"),
        (("list", "--status", "sleeping"), "'sleeping' is not one of"),
        (("list", "--limit", "0"), "'--limit'"),
    ],
)
def test_wrong_input_is_told_in_words_with_exit_code_2(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_only_a_failed_or_cancelled_task_is_retried_and_only_an_open_one_cancelled() -> None:
    task_id = submitted()
    assert run("retry", task_id).exit_code == 2
    run("cancel", task_id)
    again = run("cancel", task_id)
    assert again.exit_code == 2
    assert "is cancelled" in again.stderr


def test_an_id_that_fits_several_tasks_asks_for_more_of_it() -> None:
    first, second = submitted(), submitted()
    assert first[:8] == second[:8]
    assert "fits 2 task requests" in run("status", first[:8]).stderr


def test_the_schema_of_a_payload_is_printed() -> None:
    assert "repoUrl" in json.loads(run("schema", "solution_validation").stdout)["properties"]


def test_a_wrong_setting_is_told_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPO_AGENT_SANDBOX_CPUS", "many")
    result = CliRunner().invoke(app, ["settings"])
    assert result.exit_code == 2
    assert "setting REPO_AGENT_SANDBOX_CPUS is 'many'" in result.stderr


def test_every_setting_is_shown_with_its_variable(home: Path) -> None:
    result = CliRunner().invoke(app, ["settings", "--json"])
    assert json.loads(result.stdout)["REPO_AGENT_HOME"] == str(home / "home")
