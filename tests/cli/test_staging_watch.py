"""`watch` and `dashboard` of `migrate-staging`, on real folders and a real store; what migrates is handed in."""

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from repo_agent_dagster.cli.errors import FaultTellingGroup
from repo_agent_dagster.cli.staging_watch import Migrate, dashboard, watch_command
from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.migration import scan_unit
from repo_agent_dagster.store import staging_migrations
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.revision import open_upgraded
from repo_agent_dagster.store.staging_migrations import StagingStatus
from tests.migration.conftest import write_tree

# A process that was started in the background of a shell ignores SIGINT, and so do its children, unless they do this.
FOLLOWS_FOR_EVER = """
import signal
import typer
signal.signal(signal.SIGINT, signal.default_int_handler)
from repo_agent_dagster.cli.staging_watch import watch_command
typer.run(watch_command(lambda staging, into: lambda unit: None))
"""


class Bench:
    """A home, a STAGING folder and a target root; `tried` is what was migrated, in order."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REPO_AGENT_HOME", str(root / "home"))
        monkeypatch.setenv("REPO_AGENT_STAGING_SETTLE_SECONDS", "0")
        monkeypatch.setenv("COLUMNS", "160")
        self.staging, self.root = root / "STAGING", root / "monorepo"
        for folder in (self.staging, self.root):
            folder.mkdir(parents=True)
        self.store = open_upgraded(f"sqlite:///{root / 'home' / 'repo_agent.db'}")
        self.tried: list[str] = []
        self.faults: dict[str, list[BaseException]] = {}

    def put(self, name: str, manifest: str = "") -> None:
        text = f"unit: {name}\ndestination: {name}\n{manifest}"
        write_tree(self.staging / name, {"migration-manifest.yaml": text, "a": "1"})

    def make_migrate(self, staging: Path, into: Path) -> Migrate:
        assert (staging, into) == (self.staging, self.root)
        return self.migrate

    def migrate(self, unit_path: Path) -> None:
        """Put on record what a migration does, or fail as the test says."""
        self.tried.append(unit_path.name)
        if self.faults.get(unit_path.name):
            raise self.faults[unit_path.name].pop(0)
        scanned, now = scan_unit(unit_path), datetime.now(UTC)
        assert scanned is not None
        with write_transaction(self.store) as conn:
            row = staging_migrations.upsert_seen(conn, unit_path.name, scanned.digest, str(self.root), now=now)
            for status in (StagingStatus.PLANNED, StagingStatus.APPLIED):
                staging_migrations.set_status(conn, row.id, status, now=now)

    def run(self, *arguments: str) -> Result:
        app = typer.Typer(cls=FaultTellingGroup)
        app.command("watch")(watch_command(self.make_migrate))
        app.command("dashboard")(dashboard)
        return CliRunner().invoke(app, arguments)

    def once(self) -> Result:
        return self.run("watch", "--once", "--staging", str(self.staging), "--into", str(self.root))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def test_once_migrates_what_is_settled_each_after_those_it_comes_after(bench: Bench) -> None:
    bench.put("app", "after: [lib]\n")
    bench.put("lib", "after: [zoo]\n")
    bench.put("zoo")
    done = bench.once()
    assert done.exit_code == 0, done.output
    assert bench.tried == ["zoo", "lib", "app"]


def test_what_was_migrated_is_not_tried_again_until_it_changes(bench: Bench) -> None:
    bench.put("web")
    bench.once()
    assert "was migrated before" in bench.once().output
    (bench.staging / "web" / "a").write_text("2")
    bench.once()
    assert bench.tried == ["web", "web"]


def test_a_unit_that_fails_is_told_and_the_others_go_on(bench: Bench) -> None:
    for name in ("a", "b", "c"):
        bench.put(name)
    bench.faults = {"a": [PermanentFault("two files want one place")], "b": [typer.Exit(4)]}
    done = bench.once()
    assert done.exit_code == 1
    assert bench.tried == ["a", "b", "c"]
    assert "two files want one place" in done.output
    assert "exit code 4" in done.output


def test_what_may_pass_is_told_and_tried_again_the_next_time(bench: Bench) -> None:
    bench.put("web")
    bench.faults = {"web": [TransientFault("Docker is down")]}
    failed = bench.once()
    assert (failed.exit_code, bench.tried) == (1, ["web"])
    assert "try again: Docker is down" in failed.output
    assert bench.once().exit_code == 0
    assert bench.tried == ["web", "web"]


def test_a_broken_manifest_is_told_and_is_a_failure(bench: Bench) -> None:
    bench.put("web", "destnation: x\n")
    done = bench.once()
    assert (done.exit_code, bench.tried) == (1, [])
    assert "did you mean 'destination'?" in done.output


def test_a_folder_that_is_not_there_is_wrong_input(bench: Bench) -> None:
    shutil.rmtree(bench.root)
    done = bench.once()
    assert done.exit_code == 2
    assert "is not a folder; name the monorepo" in " ".join(done.output.split())


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_watch(bench: Bench, signum: signal.Signals) -> None:
    bench.put("web")
    watching = subprocess.Popen(
        [sys.executable, "-c", FOLLOWS_FOR_EVER, "--staging", str(bench.staging), "--into", str(bench.root)],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert watching.stdout is not None
    for line in watching.stdout:
        if line.startswith("✓ web"):
            break
    time.sleep(0.2)
    watching.send_signal(signum)
    output, _ = watching.communicate(timeout=30)
    assert watching.returncode == 130, output
    assert output.endswith("stopped\n")


def test_the_dashboard_is_written_where_it_is_wanted(bench: Bench, tmp_path: Path) -> None:
    bench.put("web")
    bench.once()
    assert bench.run("dashboard").output.strip() == str(tmp_path / "home" / "reports" / "staging.html")
    page = tmp_path / "new" / "units.html"
    assert bench.run("dashboard", "--out", str(page)).exit_code == 0
    assert "<b>web</b>" in page.read_text()


def test_a_dashboard_that_cannot_be_written_is_wrong_input(bench: Bench) -> None:
    done = bench.run("dashboard", "--out", "/dev/null/units.html")
    assert done.exit_code == 2
    assert "name another file with --out" in done.output
