"""`repo-agent reports`: what it prints, for people and for programs, and what it refuses."""

import json
import shutil
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
from repo_agent_dagster.reports.files import page_path
from repo_agent_dagster.store.engine import open_store
from tests.reports.builder import VALIDATED, event_rows, write

MARCH = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, upgraded_file: Path) -> Engine:
    """The store of a home folder that the commands use."""
    monkeypatch.setenv("REPO_AGENT_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    shutil.copy(upgraded_file, tmp_path / "repo_agent.db")
    return open_store(f"sqlite:///{tmp_path / 'repo_agent.db'}")


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def _done(*arguments: str) -> str:
    result = _run(*arguments)
    assert result.exit_code == 0, result.exception
    return result.stdout


def test_generate_makes_a_report_once(home: Engine, tmp_path: Path) -> None:
    write(home, event_rows(MARCH, VALIDATED, check=True))
    assert _done("generate", "42").startswith("new 42 v1 ")
    assert _done("generate", "42").startswith("unchanged 42 v1 ")
    [page] = tmp_path.glob("reports/*/v1.html")
    assert str(page) in _done("generate", "42").replace("\n", "")


def test_generate_takes_several_orders(home: Engine) -> None:
    write(home, event_rows(MARCH, order="a"), event_rows(MARCH, order="b"), event_rows(MARCH, order="c"))
    lines = _done("generate", "b", "a", "b").splitlines()
    assert [line.split()[:3] for line in lines] == [["new", "b", "v1"], ["new", "a", "v1"]]


def test_generate_changed_and_all_tell_the_new_versions_and_count_the_others(home: Engine) -> None:
    assert "0 new versions, 0 orders unchanged" in _done("generate", "--changed")
    write(home, event_rows(MARCH, order="a"), event_rows(MARCH, order="b"))
    assert "2 new versions, 0 orders unchanged" in _done("generate", "--changed")
    write(home, event_rows(MARCH, order="b"))
    shown = _done("generate", "--all")
    assert shown.startswith("new b v2 ")
    assert "1 new version, 1 order unchanged" in shown


def test_generate_tells_programs_what_it_did(home: Engine, tmp_path: Path) -> None:
    write(home, event_rows(MARCH))
    [row] = json.loads(_done("generate", "--changed", "--json"))
    assert row["htmlPath"].startswith(str(tmp_path))
    assert (row["orderId"], row["version"], row["isNew"]) == ("42", 1, True)
    assert json.loads(_done("generate", "--changed", "--json")) == []


def test_generate_tells_which_report_could_not_be_made(home: Engine, tmp_path: Path) -> None:
    write(home, event_rows(MARCH, order="a"), event_rows(MARCH, order="b"))
    obstacle = (tmp_path / "reports" / page_path("a", 1)).parent
    obstacle.parent.mkdir()
    obstacle.write_text("a file where the folder of pages should be")
    result = _run("generate", "--changed")
    assert "new b v1 " in result.stdout
    assert "1 report could not be made" in str(result.exception)
    assert "order 'a': " in str(result.exception)


@pytest.mark.parametrize("arguments", [["generate"], ["generate", "42", "--all"], ["generate", "--all", "--changed"]])
def test_generate_wants_orders_or_changed_or_all(home: Engine, arguments: list[str]) -> None:
    result = _run(*arguments)
    assert isinstance(result.exception, ReportRequestError)
    assert "name orders, or give --changed or --all" in str(result.exception)


def test_list_shows_every_order_and_how_its_report_stands(home: Engine) -> None:
    assert "no orders yet" in _done("list")
    write(home, event_rows(MARCH, VALIDATED, check=True, order="[red]42"), event_rows(MARCH, order="43"))
    _done("generate", "--changed")
    write(home, event_rows(MARCH, order=None), event_rows(datetime.now(UTC), order="43"))
    shown = _done("list")
    assert "[red]42" in shown, "an order's name is no markup"
    assert "100.0%" in shown
    assert "`repo-agent reports generate --changed` brings them up to date" in shown
    keys = ("orderId", "state", "version", "successRate", "isUpToDate")
    assert sorted(tuple(row[key] for key in keys) for row in json.loads(_done("list", "--json"))) == [
        ("43", "open", 1, None, False),
        ("[red]42", "closed", 1, 1.0, True),
        ("unattributed", "closed", None, None, False),
    ]


def test_schema_prints_the_json_schema_of_reports_and_digests(home: Engine) -> None:
    assert json.loads(_done("schema"))["properties"]["schemaVersion"]["const"] == 2
    assert "week" in json.loads(_done("schema", "--digest"))["properties"]


def test_show_prints_the_report_in_the_form_asked_for(home: Engine, tmp_path: Path) -> None:
    write(home, event_rows(MARCH))
    _done("generate", "42")
    assert json.loads(_done("show", "42", "--json"))["schemaVersion"] == 2
    assert _done("show", "42", "--md").startswith("# Delivery report: order 42\n")
    assert _done("show", "42") == _done("show", "42", "--md"), "a pipe gets Markdown"
    page = Path(_done("show", "42", "--html").strip())
    page.unlink()
    assert Path(_done("show", "42", "--html").strip()).exists(), "a missing page is written again"


def test_show_draws_the_charts_beside_the_markdown(home: Engine, tmp_path: Path) -> None:
    write(home, event_rows(MARCH))
    _done("generate", "42")
    text = _done("show", "42", "--charts", str(tmp_path / "charts"))
    drawn = sorted(path.name for path in (tmp_path / "charts").iterdir())
    assert drawn == ["days.svg", "factories.svg", "operations.svg", "timeline.svg"]
    assert all(f"{tmp_path}/charts/{name}" in text for name in drawn)


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
