"""`repo-agent reports publish` and `targets`: what they do, print and refuse."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import Engine
from typer.testing import CliRunner

from repo_agent_dagster.cli.main import app
from repo_agent_dagster.pages.writing import write_whole
from repo_agent_dagster.redaction import use_key
from repo_agent_dagster.reports.files import page_path
from repo_agent_dagster.reports.publishing.webhooks import SECRET_ENV
from tests.loopback.issues import FakeGitHub, FakeRepository
from tests.notify.receiver import Receiver
from tests.reports.publishing.conftest import store_report


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, github: FakeGitHub, sqlite_store: Engine) -> Engine:
    """The store of a home folder that the commands use."""
    monkeypatch.setenv("REPO_AGENT_HOME", str(tmp_path))
    monkeypatch.setenv("REPO_AGENT_GITHUB_TOKEN", "a-token")
    monkeypatch.setenv("REPO_AGENT_GITHUB_API_URL", github.server.url)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("REPO_AGENT_DATABASE_URL", str(sqlite_store.url))
    store_report(sqlite_store)
    for version in (1, 2):  # made already, which takes long
        write_whole(tmp_path / "reports" / page_path("42", version), "<!doctype html>")
    return sqlite_store


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["reports", *arguments])
    use_key(None)
    return result


def done(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_publish_to_a_place_once_does_not_follow(home: Engine, shop: FakeRepository) -> None:
    first = done("publish", "42", "--to", "github:acme/shop#12")
    store_report(home, version=2)
    due = done("publish", "--due")
    second = done("publish", "42", "--to", "github:acme/shop#12")

    assert first.startswith("published order 42 v1  https://github.test/acme/shop/issues/12#issuecomment-")
    assert "all is published already" in due
    assert "v2" in second
    assert len(shop.comments) == 1


def test_following_publishes_what_comes(home: Engine, tmp_path: Path) -> None:
    done("publish", "42", "--to", f"file:{tmp_path}/out", "--follow")
    store_report(home, version=2)

    told = json.loads(done("publish", "--due", "--json"))

    [row] = told["published"]
    assert (row["document"], row["version"], row["target"]) == ("order 42", 2, f"file:{tmp_path}/out")


def test_targets_of_the_settings_are_followed(
    home: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, receiver: Receiver
) -> None:
    monkeypatch.setenv("REPO_AGENT_REPORT_TARGETS", f"file:{tmp_path}/out, {receiver.url}")
    monkeypatch.setenv(SECRET_ENV, "made-up-" + "secret")

    planned = done("publish", "--due", "--dry-run")
    done("publish", "--due")
    listed = json.loads(done("targets", "list", "--json"))

    assert f"file:{tmp_path}/out, new in the settings, would be followed" in planned
    assert (tmp_path / "out").is_dir()
    assert receiver.got == []  # it is told of what is made from now on
    assert {(one["kind"], one["published"], one["secretEnv"]) for one in listed} == {
        ("file", 1, None),
        ("webhook", 0, SECRET_ENV),
    }


def test_a_dry_run_sends_nothing(home: Engine, github: FakeGitHub, shop: FakeRepository) -> None:
    done("targets", "add", "github:acme/shop#12", "--order", "42")

    assert done("publish", "--due", "--dry-run") == "order 42 v1 would go to github:acme/shop#12\n"
    assert done("publish", "42", "--dry-run", "--to", "artifact:x") == "order 42 would go to artifact:x\n"
    assert (shop.comments, github.server.asked) == ([], [])


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["publish"], "or give --due"),
        (["publish", "42", "--due"], "or give --due"),
        (["publish", "42", "--follow"], "give --to"),
        (["publish", "--due", "--to", "artifact:x"], "name orders or weeks"),
        (["publish", "43"], "reports generate"),
        (["publish", "--week", "2026-W10"], "reports digest"),
        (["publish", "42"], "there is no target for it"),
        (["publish", "42", "--to", "somewhere"], "write file:FOLDER"),
        (["publish", "42", "--to", "artifact:x", "--secret-env", "X"], "for webhooks"),
        (["publish", "42", "--to", "https://hooks.example/", "--secret-env", "s3cret!"], "give the name"),
        (["targets", "add", "github:acme"], "github:owner/name#12"),
        (["targets", "remove", "artifact:x"], "targets list"),
        (["targets", "check", "artifact:x"], "targets list"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(home: Engine, arguments: list[str], advice: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert advice in result.stderr
    assert "s3cret!" not in result.stderr


def test_what_waits_and_what_is_refused_have_their_exit_codes(home: Engine, shop: FakeRepository) -> None:
    waits = run("publish", "42", "--to", "github:acme/nowhere")
    shop.issues[12].is_locked = True
    refused = run("publish", "42", "--to", "github:acme/shop#12")

    assert (waits.exit_code, refused.exit_code) == (75, 1)
    assert "check the name" in waits.stdout
    assert "locked" in refused.stdout


def test_a_target_is_added_checked_and_removed(home: Engine, tmp_path: Path, shop: FakeRepository) -> None:
    added = done("targets", "add", f"file:{tmp_path}/out")
    done("targets", "add", "github:acme/shop")
    ok = done("targets", "check")
    shop.has_issues = False
    trouble = run("targets", "check", "github:acme/shop")
    removed = done("targets", "remove", "github:acme/shop")

    assert "all orders and weeks" in added
    assert ok.count("ok ") == 2
    assert (trouble.exit_code, "takes no issues" in trouble.stdout) == (1, True)
    assert "is followed no more" in removed
    assert [one["kind"] for one in json.loads(done("targets", "list", "--json"))] == ["file"]
    assert len(json.loads(done("targets", "list", "--all", "--json"))) == 2


def test_the_list_tells_what_is_wrong(home: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    run("publish", "42", "--to", f"file:{tmp_path}/file", "--follow")

    assert "1 with a problem" in done("targets", "list")


def test_a_hostile_order_cannot_write_to_the_terminal(home: Engine, tmp_path: Path) -> None:
    order = "[red]x[/]\x1b[2J"
    store_report(home, order)
    write_whole(tmp_path / "reports" / page_path(order, 1), "<!doctype html>")

    printed = done("publish", order, "--to", f"file:{tmp_path}/out")

    assert "\x1b" not in printed
    assert "[red]x[/]" in printed
