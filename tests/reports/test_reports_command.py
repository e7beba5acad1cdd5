"""`repo-agent reports`: what it prints, for people and for programs, and what it refuses."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import Engine
from typer.testing import CliRunner

from repo_agent_dagster.cli.report_options import ReportRequestError
from repo_agent_dagster.cli.reports import app
from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.migrate import upgrade
from tests.reports.builder import VALIDATED, event_rows, write

MARCH = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The store of a home folder that the commands use."""
    monkeypatch.setenv("REPO_AGENT_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    engine = open_store(f"sqlite:///{tmp_path / 'repo_agent.db'}")
    upgrade(engine)
    return engine


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def _done(*arguments: str) -> str:
    result = _run(*arguments)
    assert result.exit_code == 0, result.exception
    return result.stdout


def test_generate_makes_a_report_once(home: Engine, tmp_path: Path) -> None:
    write(home, event_rows(MARCH, VALIDATED, check=True))
    assert _done("generate", "42").startswith("new 42 v1 ")
    assert _done("generate", "--all").startswith("unchanged 42 v1 ")
    [page] = tmp_path.glob("reports/*/v1.html")
    assert str(page) in _done("generate", "42").replace("\n", "")


def test_generate_tells_programs_what_it_did(home: Engine, tmp_path: Path) -> None:
    write(home, event_rows(MARCH))
    [row] = json.loads(_done("generate", "--all", "--json"))
    assert row["htmlPath"].startswith(str(tmp_path))
    assert (row["orderId"], row["version"], row["isNew"]) == ("42", 1, True)


def test_generate_all_without_events_says_so(home: Engine) -> None:
    assert "no orders to report on" in _done("generate", "--all")


@pytest.mark.parametrize("arguments", [["generate"], ["generate", "42", "--all"]])
def test_generate_wants_one_order_or_all(home: Engine, arguments: list[str]) -> None:
    result = _run(*arguments)
    assert isinstance(result.exception, ReportRequestError)
    assert "name one order, or give --all" in str(result.exception)


def test_list_shows_the_current_reports(home: Engine) -> None:
    assert "no reports yet" in _done("list")
    write(home, event_rows(MARCH, VALIDATED, check=True, order="[red]42"), event_rows(MARCH, order="43"))
    _done("generate", "--all")
    shown = _done("list")
    assert "[red]42" in shown, "an order's name is no markup"
    assert "100.0%" in shown
    listed = json.loads(_done("list", "--json"))
    assert [(row["orderId"], row["successRate"]) for row in listed] == [("43", None), ("[red]42", 1.0)]


def test_show_prints_the_report_in_the_form_asked_for(home: Engine, tmp_path: Path) -> None:
    write(home, event_rows(MARCH))
    _done("generate", "42")
    assert json.loads(_done("show", "42", "--json"))["schemaVersion"] == 1
    assert _done("show", "42", "--md").startswith("# Delivery report: order 42\n")
    assert _done("show", "42") == _done("show", "42", "--md"), "a pipe gets Markdown"
    page = Path(_done("show", "42", "--html").strip())
    page.unlink()
    assert Path(_done("show", "42", "--html").strip()).exists(), "a missing page is written again"


def test_show_prints_an_older_version(home: Engine) -> None:
    write(home, event_rows(MARCH))
    _done("generate", "42")
    write(home, event_rows(MARCH))
    _done("generate", "42")
    assert json.loads(_done("show", "42", "--version", "1", "--json"))["totals"]["total"] == 1
    assert json.loads(_done("show", "42", "--json"))["totals"]["total"] == 2
    assert "versions run from 1 to 2" in str(_run("show", "42", "--version", "3").exception)


def test_show_refuses_an_unknown_order_and_two_forms(home: Engine) -> None:
    assert "`repo-agent reports generate 42` makes one" in str(_run("show", "42").exception)
    assert "give one of" in str(_run("show", "42", "--md", "--json").exception)


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from repo_agent_dagster.cli.reports import app\n"
        "assert CliRunner().invoke(app, ['trends', '--help']).exit_code == 0\n"
        "print(sorted({'dagster', 'pandas', 'jinja2', 'sqlalchemy', 'docker', 'openai'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
