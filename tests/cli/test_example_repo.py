"""The example repository: the same commit everywhere, made again only when it has to be."""

import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from repo_agent_dagster.cli.example_repo import ExampleRepositoryError, commit_files, make_repository


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_the_repository_has_one_commit_that_depends_on_the_arguments_alone(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_repository(tmp_path / "first", now=now)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text(
        "[user]\nname = Somebody\n[core]\nautocrlf = true\n[init]\ndefaultBranch = x\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")

    second = make_repository(tmp_path / "second", now=now)

    assert first.commit == second.commit
    assert git(second.path, "log", "--format=%an %ae %aI %D") == (
        "Ada Example ada@example.invalid 2026-03-04T09:30:00+00:00 HEAD -> main"
    )


def test_a_second_call_keeps_the_repository(tmp_path: Path, now: datetime) -> None:
    first = make_repository(tmp_path / "repo", now=now)

    second = make_repository(tmp_path / "repo", now=now + timedelta(days=1))

    assert second == first
    assert [path.name for path in tmp_path.iterdir()] == ["repo"]


def test_a_repository_that_was_changed_is_made_again(tmp_path: Path, now: datetime) -> None:
    first = make_repository(tmp_path / "repo", now=now)
    (first.path / "invoicing" / "money.py").write_text("broken")

    second = make_repository(tmp_path / "repo", now=now)

    assert second.commit == first.commit
    assert git(second.path, "status", "--porcelain") == ""


def test_a_folder_that_is_somebody_elses_is_left_alone(tmp_path: Path, now: datetime) -> None:
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "thesis.tex").write_text("years of work")

    with pytest.raises(ExampleRepositoryError, match="was not made here"):
        make_repository(tmp_path / "repo", now=now)

    assert (tmp_path / "repo" / "thesis.tex").read_text() == "years of work"


def test_the_fix_applies_to_it(tmp_path: Path, now: datetime) -> None:
    fixture = make_repository(tmp_path / "repo", now=now)

    subprocess.run(["git", "apply", "--check"], cwd=fixture.path, input=fixture.fix, text=True, check=True)

    assert fixture.url == (tmp_path / "repo").as_uri()


def test_what_git_refuses_is_told(tmp_path: Path, now: datetime) -> None:
    with pytest.raises(ExampleRepositoryError, match=r"git commit in .* failed: Aborting"):
        commit_files(tmp_path / "repo", {"a": b"b"}, now=now, message="")


def test_a_machine_without_git_is_told_what_to_install(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ExampleRepositoryError, match="apt-get install git"):
        make_repository(tmp_path / "repo", now=now)
