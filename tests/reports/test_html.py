"""The HTML page: everything escaped, nothing fetched, drawn by a real browser."""

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from repo_agent_dagster.reports.build import build_report
from repo_agent_dagster.reports.chart_geometry import OUTCOMES
from repo_agent_dagster.reports.diffs import Diff, DiffLine
from repo_agent_dagster.reports.facts import CustodyFact, OrderFacts
from repo_agent_dagster.reports.html import headline, load_diffs, render_html
from repo_agent_dagster.store.order_facts import MigrationFact, TaskRunFact
from tests.reports.builder import APPLIED, FAILED, VALIDATED, event_rows
from tests.reports.sample import as_events, patch_id, sample_facts, sample_patches, write_sample_diffs

CHROMIUM = "/usr/bin/chromium"
HOSTILE = "\"'><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">{{ 7*7 }}"


class _Page(HTMLParser):
    """Collects the tags and attributes of a page, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]


def _hostile_facts(now: datetime) -> OrderFacts:
    """An order in which every text that others can write is an attack."""
    rows = event_rows(
        now,
        FAILED,
        check=False,
        order=HOSTILE,
        patch_id=HOSTILE,
        task_id=HOSTILE,
        phase=HOSTILE,
        requester=HOSTILE,
        workspace=HOSTILE,
        file_path=HOSTILE,
        op=HOSTILE,
        diff_path=HOSTILE,
        error=HOSTILE,
        meta={"reason": HOSTILE, "branch": HOSTILE},
    )
    side = {"passed": 1, "failed": 1}
    result = {"verdict": HOSTILE, "explanation": HOSTILE, "before": side, "after": side}
    task = TaskRunFact(HOSTILE, "solution_validation", "failed", HOSTILE, result, HOSTILE, 1, HOSTILE, now, now, now)
    checked = {"check": {"ok": True, "message": HOSTILE}}
    migration = MigrationFact(HOSTILE, HOSTILE, HOSTILE, None, checked, HOSTILE, now)
    return OrderFacts(
        HOSTILE, as_events([rows]), (task,), (migration,), 1, (CustodyFact(HOSTILE, intact=False, problem=HOSTILE),)
    )


def _hostile_page(now: datetime) -> str:
    report = build_report(_hostile_facts(now), now)
    diff = Diff((DiffLine("added", f"+{HOSTILE}"),), is_cut=True)
    return render_html(report, version=1, diffs={HOSTILE: diff})


def test_no_field_can_add_a_tag_or_an_attribute(now: datetime) -> None:
    page = _Page(_hostile_page(now))
    assert not {"script", "img", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert not re.search(r">\s*49\b", _hostile_page(now)), "a template expression in the data was evaluated"


def test_every_hostile_text_is_shown_as_text(now: datetime) -> None:
    assert _hostile_page(now).count("&lt;script&gt;") >= 15


@pytest.mark.parametrize("hostile", [False, True])
def test_the_page_names_nothing_to_fetch(now: datetime, hostile: bool) -> None:
    text = _hostile_page(now) if hostile else render_html(build_report(sample_facts(now), now), version=1)
    page = _Page(text)
    assert [
        (tag, name) for tag, name, _ in page.attributes if name in {"src", "href", "srcset", "action", "data"}
    ] == []
    assert not {"link", "script"} & set(page.tags)
    styles = re.findall(r"<style>(.*?)</style>", text, flags=re.S)
    assert len(styles) == 1
    assert "@import" not in styles[0]
    assert "url(" not in styles[0]
    assert "default-src 'none'" in text


def test_the_charts_carry_the_report_s_numbers(now: datetime) -> None:
    page = _Page(render_html(build_report(sample_facts(now), now), version=1))
    arcs = [value for tag, name, value in page.attributes if tag == "circle" and name == "stroke-dasharray"]
    assert len(arcs) == len(OUTCOMES)
    assert sum(float(arc.split()[0]) for arc in arcs) == pytest.approx(100, abs=0.01)
    assert page.attributes.count(("rect", "class", "bar")) == 3
    assert page.tags.count("details") == 5


@pytest.mark.parametrize(
    ("facts", "tone", "text"),
    [
        ({}, "failed", "1 of 5 checked patches failed."),
        (
            {"custody": (CustodyFact("/w", intact=False, problem="x"),)},
            "failed",
            "custody chain is broken in 1 workspace",
        ),
        ({"events": ()}, "unchecked", "No patches."),
    ],
)
def test_the_headline_tells_the_worst_first(now: datetime, facts: dict[str, object], tone: str, text: str) -> None:
    line = headline(build_report(replace(sample_facts(now), **facts), now))  # type: ignore[arg-type]  # fields by name
    assert line.tone == tone
    assert text in line.text


def test_the_headline_never_calls_unchecked_work_a_success(now: datetime) -> None:
    def text(*patches: list[dict[str, object]]) -> str:
        return headline(build_report(OrderFacts("42", as_events(list(patches))), now)).text

    ok, unchecked = event_rows(now, VALIDATED, check=True), event_rows(now, APPLIED)
    refused = event_rows(now, ("patch_requested", "patch_failed"))
    assert text(ok) == "Every patch was checked and passed."
    assert text(unchecked) == "1 patch unchecked; nothing was checked."
    assert text(ok, unchecked) == "1 patch unchecked; all 1 that were checked passed."
    assert text(ok, refused) == "1 patch failed before any check ran."


def test_diffs_are_shown_up_to_the_page_s_budget(tmp_path: Path, now: datetime) -> None:
    workspace = tmp_path / "shop"
    write_sample_diffs(workspace)
    facts = replace(sample_facts(now), events=as_events(sample_patches(now, workspace=str(workspace))))
    report = build_report(facts, now)

    assert len(load_diffs(report.patches)) == 6
    few = load_diffs(report.patches, budget=150)
    text = render_html(report, version=1, diffs=few)

    assert next(iter(few)) == patch_id(1)
    assert len(few) < 6
    assert "Not shown here" in text


def _chromium(tmp_path: Path, page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    profile = tmp_path / "profile"
    shutil.rmtree(profile, ignore_errors=True)
    return subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            *options,
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


@pytest.mark.browser
def test_a_browser_draws_the_page_and_runs_nothing_from_the_data(tmp_path: Path, now: datetime) -> None:
    page = tmp_path / "report.html"
    page.write_text(_hostile_page(now), encoding="utf-8")
    done = _chromium(tmp_path, page, "--dump-dom")
    assert "<title>Order " in done.stdout
    assert "<title>owned" not in done.stdout
    assert 'id="outcomes"' in done.stdout
    assert "CONSOLE" not in done.stderr, "the page logged an error or was refused a request"


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_a_browser_paints_the_page_in_both_schemes(tmp_path: Path, now: datetime, scheme: str, width: int) -> None:
    page, picture = tmp_path / "report.html", tmp_path / "report.png"
    page.write_text(render_html(build_report(sample_facts(now), now), version=1), encoding="utf-8")
    preferred = {"dark": 0, "light": 1}[scheme]
    _chromium(
        tmp_path,
        page,
        f"--screenshot={picture}",
        f"--window-size={width},900",
        f"--blink-settings=preferredColorScheme={preferred}",
    )
    assert picture.stat().st_size > 15_000, "an empty page compresses to less"
