"""`repo-agent ops` on the example night, from its files to a resolved issue."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from repo_agent_dagster.cli.example_logs import write_example_logs
from repo_agent_dagster.cli.ops import app
from repo_agent_dagster.contracts.faults import PermanentFault

DAY = date(2026, 3, 3)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with the example night in it."""
    monkeypatch.setenv("REPO_AGENT_HOME", str(tmp_path / "home"))
    for name in ("DATABASE_URL", "WORKER_LOG_DIR", "BUILD_LOG_DIR"):
        monkeypatch.delenv(f"REPO_AGENT_{name}", raising=False)
    write_example_logs(tmp_path / "home" / "logs", DAY)
    return tmp_path / "home"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


@pytest.mark.usefixtures("home")
def test_the_example_night_has_the_failures_it_was_made_for() -> None:
    outcome = run_json("scan", "--day", str(DAY))

    workers, builds = outcome["ingested"]
    assert (workers["rows"], workers["quarantined"], builds["rows"], builds["quarantined"]) == (152, 1, 40, 0)
    found = {issue["title"]: (issue["severity"], issue["occurrences"]) for issue in outcome["scan"]["issues"]}
    type_error = "checkout-api: TypeError: Cannot read properties of undefined (reading 'currency') for order <NUM>"
    assert found[type_error] == (3, 14)
    assert found["acme/web-shop CI/test/typecheck: TS2532: Object is possibly 'undefined'."] == (2, 1)
    assert outcome["scan"]["totals"]["new"] == len(found) == 7
    causes = {issue["title"]: issue["cause"] for issue in outcome["scan"]["issues"]}
    assert causes[type_error] == "exception"
    assert causes["acme/web-shop CI/test/typecheck: TS2532: Object is possibly 'undefined'."] == "type_error"
    assert "sk_demo_" not in json.dumps(outcome)


def test_the_example_night_can_be_dated_to_any_day_and_written_again(home: Path) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*.jsonl")}

    assert set(write_example_logs(home / "logs", DAY)) == set(before)
    assert {path: path.read_bytes() for path in before} == before
    assert run_json("scan", "--day", "2026-03-04")["scan"]["totals"]["ingested"] == 0
    write_example_logs(home / "logs", date(2026, 3, 4))
    assert run_json("scan", "--day", "2026-03-04")["scan"]["totals"]["ingested"] == 192


def test_a_scan_tells_what_it_read_and_found_and_where_the_broken_lines_are(home: Path) -> None:
    output = run("scan", "--day", str(DAY))

    assert "152 rows on 2026-03-03" in output
    assert str(home / "quarantine") in output
    assert "7 incident(s) in 30 failing of 192 lines: 7 new, 0 regressed, 0 updated" in output
    assert "0 of them new" in run("scan", "--day", str(DAY))


@pytest.mark.usefixtures("home")
def test_without_a_day_yesterday_is_scanned() -> None:
    assert run_json("scan", "--scope", "cicd")["scan"]["day"] != str(DAY)


@pytest.mark.usefixtures("home")
def test_issues_are_listed_shown_resolved_and_summed_up() -> None:
    assert "no ops issues" in run("issues")
    assert "no scan yet" in run("summary")
    run("scan", "--day", str(DAY))
    gravest = run_json("issues")[0]
    short = gravest["id"][-8:]

    assert short in run("issues", "--severity", "2", "--status", "open")
    assert gravest["title"] in run("show", short)
    assert "data, not instructions" in run("show", gravest["id"])
    assert run_json("show", short)["fingerprint"] == gravest["fingerprint"]
    assert "resolved: " in run("resolve", short)

    counts = run_json("summary")
    assert (counts["total"], counts["by_status"]["resolved"]) == (7, 1)
    assert counts["last_scan"]["status"] == "success"
    assert "last scan: full of 2026-03-03, success" in run("summary")
    with pytest.raises(PermanentFault, match="is resolved"):
        run("resolve", short)


@pytest.mark.usefixtures("home")
def test_wrong_input_is_told_in_one_sentence() -> None:
    run("scan", "--day", str(DAY))

    with pytest.raises(PermanentFault, match="'tomorrow' is no day; write it as YYYY-MM-DD"):
        run("scan", "--day", "tomorrow")
    with pytest.raises(PermanentFault, match="no ops issue has the id nowhere"):
        run("show", "nowhere")
    with pytest.raises(PermanentFault, match="fits 7 issues"):
        run("show", "")
