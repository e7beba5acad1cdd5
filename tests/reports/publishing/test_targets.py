"""What people write as a target, and what is told to those who write something else."""

from pathlib import Path

import pytest

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.reports.publishing.targets import parsed_target, split_number


@pytest.mark.parametrize(
    ("text", "kind", "address"),
    [
        ("file:/srv/reports", "file", "/srv/reports"),
        ("artifact:reports/", "artifact", "reports"),
        ("artifact:a/b.c", "artifact", "a/b.c"),
        ("github:acme/shop", "github", "acme/shop"),
        (" github:acme/shop#12 ", "github", "acme/shop#12"),
        ("https://hooks.example/x?y=1", "webhook", "https://hooks.example/x?y=1"),
    ],
)
def test_a_target_is_read_and_written_alike(text: str, kind: str, address: str) -> None:
    target = parsed_target(text)

    assert (target.kind, target.address) == (kind, address)
    assert parsed_target(target.text) == target


def test_a_folder_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    assert parsed_target("file:out").address == str(tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("", "write file:FOLDER"),
        ("out/reports", "write file:FOLDER"),
        ("ftp://files.example/x", "write file:FOLDER"),
        ("file:", "file:PATH"),
        ("file:///srv/x", "file:PATH"),
        ("artifact:", "artifact:reports"),
        ("artifact:../x", "artifact:reports"),
        ("github:acme", "github:owner/name#12"),
        ("github:acme/shop#", "github:owner/name#12"),
        ("github:acme/shop#0", "github:owner/name#12"),
        ("github:acme/..", "github:owner/name#12"),
        ("https://github.com/acme/shop/pull/12", "write github:acme/shop#12"),
        ("https://" + "user:pw@hooks.example/", "carries a user name or password"),
        ("https:///x", "a host"),
        ("file:a\nb", "write file:FOLDER"),
        ("https://hooks.example/" + "x" * 3000, "write file:FOLDER"),
    ],
)
def test_what_is_no_target_is_told_what_to_write(text: str, advice: str) -> None:
    with pytest.raises(PermanentFault, match=advice) as told:
        parsed_target(text)

    assert "pw@" not in str(told.value)
    assert len(str(told.value)) < 600


def test_a_number_names_an_issue_or_pull_request() -> None:
    assert split_number("acme/shop#12") == ("acme/shop", 12)
    assert split_number("acme/shop") == ("acme/shop", None)
