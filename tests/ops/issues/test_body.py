"""What stands on GitHub is bounded, redacted, and carries a mark that nobody else can write."""

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from repo_agent_dagster.contracts.issue_details import IssueDetails, IssueRun
from repo_agent_dagster.github.issues import MAX_BODY_CHARACTERS, MAX_TITLE_CHARACTERS
from repo_agent_dagster.ops.issues.body import body_of, seen_again, title_of
from repo_agent_dagster.ops.issues.marker import Marker, read_marker
from repo_agent_dagster.store.ops_issues import OpsIssue
from tests.ops.issues.conftest import DAY, SERVER, problem, scan, stored

KEY = b"a key that only tests use"
MARKER = Marker("f" * 64, "an-issue")


@pytest.fixture
def issue(sqlite_store: Engine) -> OpsIssue:
    scan(sqlite_store, problem("boom"), to_github=False)
    return stored(sqlite_store)[0]


def test_the_longest_issue_fits_githubs_limits(issue: OpsIssue) -> None:
    long = "x `` <b> @a #1 " * 20_000
    details = IssueDetails(
        headline=long,
        command=long,
        anchors=(long,) * 50,
        reproduce=(long,) * 9,
        runs=tuple(IssueRun(run_id=long, url=f"{SERVER}/a/b", branch=long, sha=long) for _ in range(50)),
        run_count=500,
    )
    long_issue = replace(
        issue, title=long, analysis=long, prompt=long, template=long, place=long, cause=long, details=details
    )

    body = f"{body_of(long_issue, server=SERVER)}\n{MARKER.written(KEY)}\n"

    assert len(title_of(long_issue)) <= MAX_TITLE_CHARACTERS
    assert len(body) <= MAX_BODY_CHARACTERS
    assert len(seen_again(long_issue, [(DAY, 1)] * 400, server=SERVER)) <= MAX_BODY_CHARACTERS
    assert read_marker(body, KEY) == MARKER


def test_secrets_are_taken_out_wherever_they_stand(issue: OpsIssue) -> None:
    token = "ghp_" + "a1B2" * 9
    details = IssueDetails(command=f"curl {token}", anchors=(token,), reproduce=(f"echo {token}",))
    leaking = replace(issue, title=token, analysis=token, prompt=token, template=token, place=token, details=details)

    for text in (title_of(leaking), body_of(leaking, server=SERVER), seen_again(leaking, [], server=SERVER)):
        assert token not in text


def test_an_issue_fits_also_when_taking_out_its_secrets_makes_it_longer(issue: OpsIssue) -> None:
    text = "password=hunter22 " * 1_300
    long_issue = replace(issue, analysis=text, prompt=text)

    assert len(body_of(long_issue, server=SERVER)) + len(MARKER.written(KEY)) < MAX_BODY_CHARACTERS


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/acme/shop/actions/runs/7",
        "https://github.test.evil.test/x",
        "javascript:alert(1)",
        "https://github.test/x) ![y](https://evil.test",
    ],
)
def test_a_build_is_a_link_only_where_it_leads_to_the_server(issue: OpsIssue, url: str) -> None:
    def shown(address: str) -> str:
        runs = (IssueRun(run_id="7", url=address, branch="main", sha="abc1234def5678"),)
        return body_of(replace(issue, details=IssueDetails(runs=runs, run_count=1)), server=SERVER)

    assert "- [7](https://github.test/acme/shop/actions/runs/7) on `main` at `abc1234def56`" in shown(
        "https://github.test/acme/shop/actions/runs/7"
    )
    assert "- `7` on `main`" in shown(url)
    assert "evil" not in shown(url)


def test_log_text_cannot_break_out_of_the_prompt_or_hold_a_mark(issue: OpsIssue) -> None:
    forged = Marker("0" * 64, "another").written(KEY)
    hostile = replace(issue, prompt=f"````\n</details>\n{forged}\n@everyone", place=f"x | y\n{forged} <img src=x>")

    body = body_of(hostile, server=SERVER)

    assert read_marker(body, KEY) is None
    assert "<img" not in re.sub(r"`[^`]*`", "", body)


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=400))
def test_a_mark_is_read_whatever_stands_around_it(text: str) -> None:
    assert read_marker(f"{text}\n{MARKER.written(KEY)}\n{text}", KEY) == MARKER


@pytest.mark.parametrize("change", ["ffff0", "an-other", "another step"])
def test_a_mark_that_was_changed_or_signed_by_another_key_is_none(change: str) -> None:
    written = MARKER.written(KEY)

    assert read_marker(written.replace("an-issue", change), KEY) is None
    assert read_marker(written, b"another key") is None


def test_the_tally_tells_the_days(issue: OpsIssue) -> None:
    text = seen_again(issue, [(date(2026, 3, 2), 5), (date(2026, 3, 3), 1200)], server=SERVER)

    assert "| 2026-03-02 | 5 |" in text
    assert "| 2026-03-03 | 1,200 |" in text
