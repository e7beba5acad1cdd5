"""`repo-agent reports stats`, `trends` and `export`: what they print, for people and programs, and what they refuse."""

import csv
import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import Engine
from typer.testing import CliRunner

from repo_agent_dagster.cli.main import app
from repo_agent_dagster.contracts.digests import WeeklyDigest
from repo_agent_dagster.contracts.patch_stats import PatchStats, PatchTrends
from repo_agent_dagster.store.engine import open_store
from tests.reports.builder import APPLIED, FAILED, VALIDATED, event_rows, write

MARCH = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
DAY = ("--from", "2026-03-04", "--to", "2026-03-04")
HOSTILE = "[red]x\x1b[2J\u202eevil\n=1+1"


@pytest.fixture
def home(tmp_path: Path, upgraded_file: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The store of a home folder that the commands use, with three patches of one day and one of the next."""
    monkeypatch.setenv("REPO_AGENT_HOME", str(tmp_path))
    shutil.copy(upgraded_file, tmp_path / "repo_agent.db")
    engine = open_store(f"sqlite:///{tmp_path / 'repo_agent.db'}")
    write(
        engine,
        event_rows(MARCH, VALIDATED, check=True),
        event_rows(MARCH.replace(hour=23), FAILED, check=False, error=f"{HOSTILE} error", phase=None),
        event_rows(MARCH, APPLIED, requester=HOSTILE, file_path=HOSTILE),
        event_rows(MARCH + timedelta(days=1), APPLIED),
    )
    return engine


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["reports", *arguments])


def _done(*arguments: str) -> str:
    result = _run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_stats_tell_a_day_with_its_rate_and_what_it_is_a_rate_of(home: Engine) -> None:
    shown = _done("stats", *DAY)
    assert shown.startswith("Patches from 2026-03-04\n3 patches · 1 ok · 1 failed · 1 unchecked · 1 reverted\n")
    assert "success rate 50.0% (1 of 2 checked; 1 unchecked are in neither)" in shown
    for heading in ("factory", "operation", "top errors", "latency"):
        assert heading in shown


def test_the_default_range_is_seven_days_that_end_with_today(home: Engine) -> None:
    document = PatchStats.model_validate_json(_done("stats", "--json"))
    assert (len(document.daily), document.totals.total) == (7, 0)
    assert "no patches" in _done("stats")
    assert "no patches" in _done("trends")


def test_why_prints_the_rule_and_the_query_of_each_number(home: Engine) -> None:
    told = _done("stats", *DAY, "--why")
    assert "Success rate  Ok divided by ok + failed" in told
    assert "-- Top errors" in told
    assert "FROM patch_events" in told
    assert "-- By phase, Patches, Ok / failed / unchecked" in _done("trends", "--group", "phase", *DAY, "--why")


def test_programs_get_the_contracts_as_json(home: Engine) -> None:
    stats = json.loads(_done("stats", *DAY, "--json"))
    assert (stats["fromAt"], stats["toAt"]) == ("2026-03-04T00:00:00Z", "2026-03-05T00:00:00Z")
    assert stats["totals"]["successRate"] == 0.5
    trends = PatchTrends.model_validate_json(_done("trends", "--group", "phase", *DAY, "--json"))
    assert [(row.key, row.counts.total) for row in trends.rows] == [("implement", 2), (None, 1)]


def test_trends_are_a_table_whose_lines_stay_whole_in_a_pipe(home: Engine) -> None:
    shown = _done("trends", "--group", "order", *DAY).splitlines()
    assert shown[0] == "Patches by order, 2026-03-04"
    assert shown[1].split() == [
        *("order", "patches", "ok", "failed", "unchecked", "reverted", "success", "rate"),
        *("first", "patch", "last", "patch", "duration"),
    ]
    assert "50.0% of 2" in shown[2]
    assert "14 h 00 min" in shown[2]


def test_days_are_in_order_and_a_limit_tells_what_it_leaves_out(home: Engine) -> None:
    days = _done("trends", "--from", "2026-03-04", "--to", "2026-03-05").splitlines()
    assert [line.split()[0] for line in days[2:]] == ["2026-03-04", "2026-03-05"]
    assert "1 more with fewer patches; --limit shows more" in _done(
        "trends", "--group", "factory", "--limit", "1", *DAY
    )


def test_a_filter_is_said_and_counted(home: Engine) -> None:
    shown = _done("trends", "--factory", "agent-a", *DAY)
    assert shown.splitlines()[0] == "Patches by day, 2026-03-04, factory 'agent-a'"
    assert shown.splitlines()[2].split()[1] == "2"


def test_csv_has_one_line_for_each_group_and_holds_names_as_they_are(home: Engine) -> None:
    rows = list(csv.DictReader(io.StringIO(_done("trends", "--group", "factory", "--csv", *DAY))))
    assert [(row["factory"], row["total"], row["success_rate"]) for row in rows] == [
        ("agent-a", "2", "0.5"),
        (HOSTILE, "1", ""),
    ]
    assert rows[0]["duration_seconds"] == "50400.0"
    [first, *_] = csv.DictReader(io.StringIO(_done("trends", "--group", "file", "--csv", *DAY)))
    assert (first["workspace"], first["file"]) == ("/srv/shop", "src/cart.py")


def test_names_and_errors_of_patches_cannot_steer_the_terminal(home: Engine) -> None:
    for shown in (_done("stats", *DAY), _done("trends", "--group", "factory", *DAY)):
        assert "[red]x�[2J�evil =1+1" in shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown


def test_export_writes_the_range_to_a_file(home: Engine, tmp_path: Path) -> None:
    file = tmp_path / "patches.csv"
    assert _done("export", str(file), *DAY) == f"3 patches, {file.stat().st_size:,} bytes: {file}\n"


def test_the_digest_of_a_week_is_printed_in_the_form_asked_for(home: Engine, tmp_path: Path) -> None:
    told = _done("digest", "2026-W10")
    assert told.startswith("# Weekly digest: 2026-W10\n\n**4 patches of 1 order; 50.0 % of 2 checked passed.**")
    assert _done("digest", "2026-W10", "--md") == told, "a pipe gets Markdown"
    assert WeeklyDigest.model_validate_json(_done("digest", "2026-W10", "--json")).totals.total == 4
    page = Path(_done("digest", "2026-W10", "--html").strip())
    assert page == tmp_path / "reports" / "digests" / "2026-W10-v1.html"
    assert page.exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ["trends", "--group", "month"],
            "unknown group 'month'; groups are day, week, phase, order, factory, operation",
        ),
        (["stats", "--from", "2026-03-05", "--to", "2026-03-01"], "--from '2026-03-05' is after --to '2026-03-01'"),
        (["trends", "--from", "2026-03-04T09:30:00"], "--from '2026-03-04T09:30:00' has no time zone; write "),
        (["stats", "--from", "yesterday"], "--from 'yesterday' is no day or instant; write 2026-03-04 or "),
        (["trends", "--to", "9999-12-31"], "--to '9999-12-31' is more than a year after today"),
        (["stats", "--to", "2026-02-30"], "--to '2026-02-30' is no day or instant"),
        (["stats", "--from", "1900-01-01", "--to", "1990-01-01"], "--from '1900-01-01' is before 1970-01-01"),
        (["trends", "--from", "1999-01-01", "--to", "2020-01-01"], "ask for ten years at most"),
        (["trends", "--json", "--csv"], "give one of --json and --csv"),
        (["trends", "--group", "file", "--order", "42"], "not counted by file and by factory, order, phase"),
        (["export", "patches.parquet"], "'patches.parquet' does not end in .csv, .jsonl, .csv.zst or .jsonl.zst"),
        (["export", "no/such/folder/patches.csv"], "no/such/folder: No such file or directory; name a folder that"),
        (["digest", "2026-W60"], "WEEK '2026-W60' is no ISO 8601 week"),
        (["digest", "--md", "--json"], "give one of --html, --json, --md and --open"),
    ],
)
def test_what_means_nothing_is_told_in_one_line(home: Engine, arguments: list[str], complaint: str) -> None:
    result = _run(*arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
