"""`repo-agent db`: repeatable, and clear about a database that it cannot use."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from repo_agent_dagster.cli.db import app
from repo_agent_dagster.store.revision import newest_revision
from tests.postgres_cluster import PostgresCluster


def _db(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without a table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    cluster: PostgresCluster = request.getfixturevalue("postgres")
    return cluster.create_database()


def test_a_database_is_upgraded_and_seeded_once_however_often_it_is_asked(url: str) -> None:
    newest = newest_revision()
    steps = [
        ("current", 1, f"is at no revision; the newest is {newest}: run `repo-agent db upgrade`"),
        ("upgrade", 0, f"upgraded from nothing to revision {newest}"),
        ("upgrade", 0, f"is at revision {newest} already; nothing to do"),
        ("current", 0, f"is at revision {newest}, the newest"),
        ("seed", 0, "6 seed rows written"),
        ("seed", 0, "has every seed row already; nothing to do"),
    ]
    for command, exit_code, message in steps:
        result = _db(command, "--database-url", url)
        assert (result.exit_code, result.stderr) == (exit_code, "")
        assert message in result.stdout


def test_seeding_upgrades_first(url: str) -> None:
    assert "6 seed rows written" in _db("seed", "--database-url", url).stdout


def test_asking_for_the_revision_creates_nothing(tmp_path: Path) -> None:
    assert _db("current", "--database-url", f"sqlite:///{tmp_path / 'none.db'}").exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_the_url_defaults_to_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPO_AGENT_DATABASE_URL", f"sqlite:///{tmp_path / 'from_setting.db'}")
    assert _db("upgrade").exit_code == 0
    assert (tmp_path / "from_setting.db").exists()


@pytest.mark.parametrize("command", ["upgrade", "current", "seed"])
@pytest.mark.parametrize(
    ("url", "exit_code", "message"),
    [
        ("nonsense", 2, "store URL 'nonsense' is malformed"),
        ("mysql://h/x", 2, "names mysql; sqlite and postgresql are supported"),
        ("postgresql://me:secret@127.0.0.1:1/x", 75, "me:***@127.0.0.1:1/x cannot be reached"),
        ("sqlite:////dev/null/store.db", 2, "folder /dev/null cannot be made: File exists"),
        ("sqlite:///{text}", 2, "cannot be used: file is not a database"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line_and_an_exit_code(
    command: str, url: str, exit_code: int, message: str, tmp_path: Path
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("these are no database pages\n" * 200)

    result = _db(command, "--database-url", url.replace("{text}", str(text)))

    assert result.exit_code == exit_code
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "secret" not in result.output
