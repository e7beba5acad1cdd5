"""The report's page in a real Chromium: charts, sorting, dark, print; hostile texts do nothing; nothing is fetched."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from repo_agent_dagster.contracts.reports import DeliveryReport
from repo_agent_dagster.reports.html import FEW_ROWS, render_html
from tests.chromium import Browser, Page, browser
from tests.reports.hostile import HOSTILE, LONG, hostile_report
from tests.reports.sample_report import DIFF, TYPE_ERROR, file, patch, sample_report

pytestmark = pytest.mark.browser

DRAWN = "document.querySelectorAll('figure.drawn').length"
CHARTS = 4
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture
def page(chromium: Browser, folder: Path) -> Page:
    """The sample report, opened and drawn."""
    return _opened(chromium.page(), folder, sample_report())


def _opened(page: Page, folder: Path, report: DeliveryReport) -> Page:
    written = folder / "report.html"
    written.write_text(render_html(report, version=1, cache=folder), encoding="utf-8")
    page.open(written)
    page.wait(f"{DRAWN} === {CHARTS}")
    return page


def _text(page: Page, selector: str) -> str:
    return str(page.run(f"document.querySelector({selector!r}).textContent"))


def test_charts_are_drawn_from_their_data_and_nothing_is_asked_for(page: Page) -> None:
    marks = page.run(
        "[...document.querySelectorAll('figure[data-chart]')].map((f) => [f.dataset.chart, f.querySelectorAll("
        "'svg .mark-rect path, svg .mark-line path, svg .mark-arc path, svg .mark-symbol path').length])"
    )
    assert [name for name, _ in marks] == ["timeline", "days", "operations", "factories"]
    assert all(count >= 3 for _, count in marks), marks
    assert page.run("document.querySelector('[data-chart=days] svg').getBoundingClientRect().height") > 100
    assert page.complaints == []
    assert [address.rpartition("/")[2] for address in page.requests] == ["report.html"]


def test_a_mark_tells_its_numbers_under_the_mouse(page: Page) -> None:
    x, y = page.run(
        "(() => { const mark = document.querySelector('[data-chart=factories] .mark-rect.role-mark path');"
        "mark.scrollIntoView({block: 'center'}); const box = mark.getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
    )
    page.move_to(x, y)
    page.wait("!document.querySelector('.bubble').hidden")
    assert _text(page, ".bubble") == "Name agent-aOutcome okPatches 3Success rate 75.0 % (3 of 4 checked)"


@pytest.mark.parametrize("chart", ["days", "operations", "factories"])
def test_a_click_on_a_legend_picks_one_out(page: Page, chart: str) -> None:
    faint = f"document.querySelectorAll('[data-chart={chart}] .role-mark path[opacity=\"0.15\"]').length"
    assert page.run(faint) == 0
    x, y = page.run(
        f"(() => {{ const entry = document.querySelector('[data-chart={chart}] .role-legend-label text');"
        "entry.scrollIntoView({block: 'center'}); const box = entry.getBoundingClientRect();"
        "return [box.x + 4, box.y + box.height / 2]; })()"
    )
    page.move_to(x, y)
    for kind in ("mousePressed", "mouseReleased"):
        page.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    page.wait(f"{faint} > 0")


def test_the_table_of_errors_sorts_by_a_click(page: Page) -> None:
    def first() -> str:
        return _text(page, "#errors tbody tr td")

    def click(column: int) -> None:
        page.run(f"document.querySelectorAll('#errors th button')[{column}].click()")

    assert first() == TYPE_ERROR
    click(1)
    assert first() == "A test timed out.", "most patches first: 12 before 3, as numbers"
    click(1)
    assert first() == TYPE_ERROR
    click(0)
    assert first() == "A test timed out."
    assert page.run("document.querySelector('#errors th').getAttribute('aria-sort')") == "ascending"


def test_a_number_leads_to_its_rule(page: Page) -> None:
    page.run("document.querySelector('a[href=\"#why-custody\"]').click()")
    page.wait("document.querySelector('#why-custody:target')?.getBoundingClientRect().top < innerHeight")


def test_charts_follow_the_reader_s_scheme_without_being_drawn_again(page: Page) -> None:
    colour = "getComputedStyle(document.querySelector('[data-chart=days] .mark-line path')).stroke"
    page.prefer("light")
    light, back = page.run(colour), page.run("getComputedStyle(document.body).backgroundColor")
    page.prefer("dark")
    assert page.run(colour) != light
    assert page.run("getComputedStyle(document.body).backgroundColor") != back
    assert len(page.picture()) > 15_000, "an empty page compresses to less"


def test_the_page_prints(page: Page) -> None:
    pdf = page.pdf()
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") >= 3
    assert len(pdf) > 50_000


def test_a_small_screen_scrolls_down_only(page: Page) -> None:
    page.resize(400, 800)
    page.wait("document.documentElement.scrollWidth <= 400")


def test_without_scripts_the_tables_tell_everything(chromium: Browser, folder: Path) -> None:
    page = chromium.page()
    page.ask("Emulation.setScriptExecutionDisabled", value=True)
    written = folder / "silent.html"
    written.write_text(render_html(sample_report(), version=1, cache=folder), encoding="utf-8")
    page.open(written)
    assert page.run("[...document.querySelectorAll('figure')].every((f) => f.offsetHeight === 0)")
    assert page.run("document.querySelector('#errors').offsetHeight") > 50
    assert page.run("document.querySelectorAll('table').length") >= 14


@pytest.mark.parametrize("text", [HOSTILE, LONG], ids=["markup", "length"])
def test_hostile_texts_do_nothing(chromium: Browser, folder: Path, text: str) -> None:
    page = _opened(chromium.page(), folder, hostile_report(text))
    assert page.run("document.title").startswith("Order ")
    assert page.run("document.querySelectorAll('img, iframe, svg image, svg a, [onerror]').length") == 0
    assert page.run("document.querySelectorAll('script').length") == 4, "the page's three, and the one it unpacked"
    assert page.complaints == []
    assert [address.rpartition("/")[2] for address in page.requests] == ["report.html"]
    assert page.run("document.documentElement.scrollWidth") <= 1120


def test_a_report_of_five_thousand_patches_opens_at_once(chromium: Browser, folder: Path) -> None:
    paths = [f"services/billing/src/main/python/billing/module_{n % 1000}.py" for n in range(5000)]
    patches = [
        patch(n, path, timedelta(seconds=80 * n), error=TYPE_ERROR if n % 10 == 0 else None)
        for n, path in enumerate(paths, 1)
    ]
    files = [file(path, final_diff=DIFF * 4, before_sha256="a" * 64, after_sha256="b" * 64) for path in paths[:1000]]
    checks = [check for check in sample_report().checks for _ in range(1000)]
    large = sample_report(patches=patches, files=files, checks=checks)
    page = chromium.page()
    written = folder / "large.html"
    written.write_text(render_html(large, version=1, cache=folder), encoding="utf-8")
    assert written.stat().st_size < 5 * MEBIBYTE

    began = time.perf_counter()
    page.open(written)
    page.wait(f"{DRAWN} === {CHARTS}")

    # Two seconds is the promise, which benchmarks/delivery_reports.py measures; tests share their machine.
    assert time.perf_counter() - began < 10


def test_a_long_table_is_made_when_it_is_unfolded_and_sorts_like_the_others(chromium: Browser, folder: Path) -> None:
    patches = [patch(n, f"part_{n}.py", timedelta(seconds=n)) for n in range(1, FEW_ROWS + 2)]
    page = _opened(chromium.page(), folder, sample_report(patches=patches))
    rows = "document.querySelectorAll('#patch-list tbody tr').length"
    assert page.run(rows) == 0
    page.run("document.querySelector('#patches + details summary').click()")
    page.wait(f"{rows} === {FEW_ROWS + 1}")
    page.run("document.querySelector('#patch-list th.n button').click()")
    assert _text(page, "#patch-list td:nth-child(7)") == str(FEW_ROWS + 1)
    assert page.complaints == []
