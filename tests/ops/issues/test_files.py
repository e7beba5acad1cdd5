"""Issues as Markdown files, for who has no GitHub."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from repo_agent_dagster.contracts.issue_details import IssueDetails
from repo_agent_dagster.ops.issues.body import body_of
from repo_agent_dagster.ops.issues.files import FilesWritten, write_files
from repo_agent_dagster.ops.issues.handling import resolve
from tests.ops.issues.conftest import NOW, SERVER, problem, scan, stored


def write(engine: Engine, folder: Path, days: int = 0) -> FilesWritten:
    return write_files(engine, folder, server=SERVER, now=NOW + timedelta(days=days))


def test_each_issue_has_a_file_with_the_body_that_github_would_have(store: Engine, tmp_path: Path) -> None:
    scan(store, problem("boom", details=IssueDetails(reproduce=("pytest -k boom",))), to_github=False)

    done = write(store, tmp_path / "issues")

    (issue,) = stored(store)
    page = (tmp_path / "issues" / f"{issue.id}-acme-shop-ci-test-boom.md").read_text()
    assert (done.written, done.unchanged, done.removed) == (1, 0, 0)
    assert page.startswith("# \\[Ops\\] acme/shop CI/test: boom\n")
    assert page.endswith(body_of(issue, server=SERVER))
    assert "pytest -k boom" in page
    assert f"{issue.id}-acme-shop-ci-test-boom.md" in done.index.read_text()


def test_what_did_not_change_is_left_alone_and_what_is_long_settled_is_removed(
    sqlite_store: Engine, tmp_path: Path
) -> None:
    first, _ = scan(sqlite_store, problem("a"), problem("b"), to_github=False)
    write(sqlite_store, tmp_path)
    (tmp_path / "notes.md").write_text("mine")
    resolve(sqlite_store, first.issue_id, now=NOW, note="done")

    settled = write(sqlite_store, tmp_path)
    later = write(sqlite_store, tmp_path, days=31)

    assert (settled.written, settled.unchanged, settled.removed) == (1, 1, 0)
    assert (later.written, later.unchanged, later.removed) == (0, 1, 1)
    assert (tmp_path / "notes.md").read_text() == "mine"


def test_no_title_leads_out_of_the_folder(sqlite_store: Engine, tmp_path: Path) -> None:
    scan(sqlite_store, problem("x", title="../../etc/passwd\n\0" + "/" * 300), problem("y", title="…"), to_github=False)

    done = write(sqlite_store, tmp_path / "issues")

    assert done.written == 2
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["issues"]
    assert all(len(path.name) < 120 for path in (tmp_path / "issues").iterdir())
