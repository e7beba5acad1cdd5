"""The dashboard page: what it says of units, that nothing of theirs can act in it, and its script in a real browser."""

import html
import json
import re
import shutil
import subprocess
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from repo_agent_dagster.migration.reporting.dashboard import group_counts, headline, render_dashboard
from repo_agent_dagster.migration.reporting.unit_states import unit_state, unit_states
from repo_agent_dagster.store.staging_migrations import StagingMigration, StagingStatus

CHROMIUM = "/usr/bin/chromium"
HOSTILE = (
    "\"'></td></script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">{{ 7*7 }}"
)
NOT_KNOWN = {"steps": None, "batches": None, "conflicts": None, "standards_score": None}


def migration(now: datetime, unit: str = "web", status: str = "seen", **given: Any) -> StagingMigration:
    values = {"id": unit, "source_digest": "0" * 64, "target_root": "/srv/monorepo", "task_request_id": None}
    known = {"order_id": None, "plan": None, "report": None, "error": None, "created_at": now, "updated_at": now}
    return StagingMigration(unit=unit, status=StagingStatus(status), **{**values, **known, **given})


def some(now: datetime) -> list[StagingMigration]:
    states = {"api": "failed", "lib": "seen", "web": "validated", "zoo": "applied"}
    files = {"api": 100, "lib": None, "web": 20, "zoo": 3}
    return [
        migration(now, unit, state, summary=None if files[unit] is None else {"counts": {"create": files[unit]}})
        for unit, state in states.items()
    ]


class _Page(HTMLParser):
    """Collects the tags, the attributes, and the cells of a page's table rows, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "tr":
            self.rows.append([])
        elif tag == "td":
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] = f"{self.rows[-1][-1]} {data}".strip()


def test_what_a_row_does_not_say_is_a_dash(now: datetime) -> None:
    page = _Page(render_dashboard(unit_states([migration(now, **NOT_KNOWN)]), generated_at=now))
    assert page.rows[1][2:9] == ["–"] * 7


def test_a_unit_shows_its_last_changed_migration_and_counts_the_others(now: datetime) -> None:
    older = [migration(now - timedelta(hours=age), id=str(age), source_digest="1" * 64) for age in (1, 2)]
    elsewhere = migration(now, target_root="/other")
    states = unit_states([*older, migration(now, status="validated"), elsewhere])
    assert [(one.target_root, one.state, one.earlier) for one in states] == [
        ("/other", "seen", 0),
        ("/srv/monorepo", "validated", 2),
    ]


def test_numbers_come_from_the_row_and_else_from_its_summary(now: datetime) -> None:
    summary = {"counts": {"create": 2, "update": 1, "delete": 0, "conflict": 4, "unchanged": 9}, "unresolved": 2}
    state = unit_state(migration(now, summary=summary, conflicts=3, standards_score=80.0, batches=["b"]))
    assert (state.files, state.conflicts, state.unresolved, state.batches) == (3, 3, 2, 1)
    assert unit_state(migration(now, summary=summary)).conflicts == 4


@pytest.mark.parametrize("damaged", [{"counts": 7, "rewrites": "x"}, {"counts": {"create": "many"}}, {}])
def test_a_summary_of_another_version_is_shown_as_far_as_it_can_be(now: datetime, damaged: dict[str, Any]) -> None:
    state = unit_state(migration(now, summary=damaged, steps=[{"step": "plan"}]))
    assert (state.files, state.rewrites, state.check) == (None, None, None)
    assert [(step.step, step.status, step.seconds) for step in state.steps] == [("plan", "?", None)]


def test_every_state_is_in_one_group_and_the_worst_is_told_first(now: datetime) -> None:
    every = unit_states([migration(now, status.value, status.value) for status in StagingStatus])
    assert {entry.group.name: entry.count for entry in group_counts(every)} == {"attention": 4, "moving": 2, "done": 2}
    assert headline(every).text == "4 of 8 units need a person."
    assert headline([one for one in every if one.state in {"seen", "applied"}]).tone == "unchecked"
    assert headline([one for one in every if one.state == "validated"]).text == "Every unit is migrated."
    assert headline([]).text == "No unit was seen yet."


def hostile_page(now: datetime) -> str:
    steps = [{"step": HOSTILE, "status": HOSTILE, "seconds": 1, "detail": HOSTILE}]
    row = migration(
        now,
        HOSTILE,
        "failed",
        order_id=HOSTILE,
        summary={"destination": HOSTILE, "check": HOSTILE},
        error=HOSTILE,
        steps=steps,
    )
    return render_dashboard(unit_states([row]), generated_at=now)


def test_nothing_of_a_unit_becomes_a_tag_or_an_attribute(now: datetime) -> None:
    text = hostile_page(now)
    page = _Page(text)
    assert page.tags.count("script") == 1
    assert not {"img", "iframe", "object", "embed", "base", "form", "link"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in {"src", "href"}]
    assert not re.search(r">\s*49\b", text), "a template expression in the data was evaluated"
    assert "default-src 'none'" in text


def test_the_same_units_make_the_same_bytes(now: datetime) -> None:
    states = unit_states(some(now))
    assert render_dashboard(states, generated_at=now) == render_dashboard(states[::-1], generated_at=now)


def drawn(page: str, folder: Path, *, script: str = "", fragment: str = "") -> str:
    """The page's tree after a real browser ran it, and then `script`, which finds the shown units by `shown()`."""
    # A browser runs only the script whose hash the page names; the test's own is let in by its nonce.
    finder = "() => [...document.querySelectorAll('tbody[data-group]:not([hidden]) b')].map((name) => name.textContent)"
    driver = (
        f'<script nonce="t">addEventListener("load", () => {{ const shown = {finder}; {script} }});</script></body>'
    )
    file = folder / "page.html"
    file.write_text(page.replace("script-src ", "script-src 'nonce-t' ").replace("</body>", driver))
    profile = folder / "profile"
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={profile}",
        "--virtual-time-budget=2000",
    ]
    done = subprocess.run(
        [CHROMIUM, *options, "--dump-dom", f"{file.as_uri()}{fragment}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    shutil.rmtree(profile, ignore_errors=True)
    return done.stdout


def told(page: str, folder: Path, what: str, *, fragment: str = "") -> Any:
    """What a JavaScript expression says in the page."""
    tree = drawn(page, folder, script=f"document.body.dataset.told = JSON.stringify({what});", fragment=fragment)
    found = re.search(r'<body data-told="(.*?)"', tree)
    assert found is not None, tree
    return json.loads(html.unescape(found[1]))


@pytest.mark.browser
def test_columns_sort_by_number_with_the_unknown_last_either_way(now: datetime, tmp_path: Path) -> None:
    page = render_dashboard(unit_states(some(now)), generated_at=now)
    click = "(document.querySelectorAll('th button')[2].click(), shown())"
    assert told(page, tmp_path, f"[shown(), {click}, {click}]") == [
        ["api", "lib", "web", "zoo"],
        ["zoo", "web", "api", "lib"],
        ["api", "web", "zoo", "lib"],
    ]


@pytest.mark.browser
def test_words_and_groups_filter_and_the_address_keeps_them(now: datetime, tmp_path: Path) -> None:
    page = render_dashboard(unit_states(some(now)), generated_at=now)
    press = "(document.querySelector('button[data-group=done]').click(), shown())"
    assert told(page, tmp_path, f"[shown(), {press}, location.hash]", fragment="#q=W&show=nonsense") == [
        ["web"],
        ["web"],
        "#q=W&show=done",
    ]
    said = "document.getElementById('shown').textContent"
    assert told(page, tmp_path, f"[shown(), {said}]", fragment="#show=done") == [["web", "zoo"], "2 of 4 shown"]


@pytest.mark.browser
def test_a_browser_runs_nothing_that_a_unit_says(now: datetime, tmp_path: Path) -> None:
    tree = drawn(hostile_page(now), tmp_path)
    assert "<title>Units · STAGING migration</title>" in tree
    assert 'class="live"' in tree
