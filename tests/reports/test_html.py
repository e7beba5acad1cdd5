"""The HTML page: it tells the whole report without a script, everything escaped, and names nothing to fetch."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from repo_agent_dagster.contracts.reports import CustodyReport, FileReport
from repo_agent_dagster.reports.headline import headline
from repo_agent_dagster.reports.html import MAX_PAGE_DIFF_CHARS, MAX_ROWS, render_html
from repo_agent_dagster.reports.links import web_link
from tests.reports.hostile import LONG, SCRIPT_LINK, hostile_report
from tests.reports.sample_report import (
    DIFF,
    SOURCES,
    TASK,
    TYPE_ERROR,
    WORKSPACE,
    counted,
    file,
    patch_id,
    sample_report,
)


class _Page(HTMLParser):
    """Collects the tags, the attributes and the text of a page, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


@pytest.fixture(scope="module")
def sample() -> str:
    return render_html(sample_report(), version=3)


@pytest.fixture(scope="module")
def hostile() -> str:
    return render_html(hostile_report(), version=1)


def test_the_page_tells_the_whole_report_without_a_script(sample: str) -> None:
    shown = " ".join(" ".join(_Page(re.sub(r"<script.*?</script>", "", sample, flags=re.S)).texts).split())
    for told in (
        *("Order vat-42", "version 3", "1 of 5 checked patches failed.", "80.0 %", "4 of 5 checked passed"),
        *("fix/vat-rounding", "VAT is off by one cent", "Prove that the rounding is right."),
        *("implement", "(no phase)", "2 d 1 h", "75.0 % of 4", "nothing checked", "2026-02-28"),
        *("replace-block", "66.7 %", "agent-a", "release-bot", "requested → applied", "40 ms", "41.5 s"),
        *(TASK, "6d1a3c5e", "tsc is missing in the image", "attempt 2", "38.0 s"),
        *("feedback-worker", "/srv/monorepo", "tsc --noEmit passed", "The dry run is right.", "dana"),
        *(
            "Invoices differ by one cent",
            "Totals of credit notes are rounded twice",
            "large-1",
            "120,345",
            "$1.23",
            "$0.0042",
            "unknown",
        ),
        *("11 of 12 passed", "12 of 12 passed", "tsc --noEmit", TYPE_ERROR, "A test timed out.", "chain intact"),
        *("src/billing/invoice.py", "+total = round_vat(sum(lines))", "is no longer kept", "a" * 16, patch_id(6)),
        *("The rule of custody.", "SELECT count(DISTINCT patch_id)", "2026-03-04 09:30:00 UTC"),
    ):
        assert told in shown, told


def test_every_number_leads_to_its_rule_and_query(sample: str) -> None:
    page = _Page(sample)
    rules = {name for name in page.all("id") if name.startswith("why-")}
    assert rules == {f"why-{name}" for name in SOURCES}
    linked = {target[1:] for target in page.all("href") if target.startswith("#")}
    assert linked - rules == set()
    assert rules - linked <= {"why-refused"}, "nothing was refused, so that number is not there"


def test_a_number_without_a_source_has_no_dead_link() -> None:
    assert 'href="#why' not in render_html(sample_report(sources=[]), version=1)


def test_no_text_can_add_a_tag_or_an_attribute(hostile: str, sample: str) -> None:
    attacked, plain = _Page(hostile), _Page(sample)
    assert set(attacked.tags) <= set(plain.tags)
    assert attacked.tags.count("script") == plain.tags.count("script") == 3
    assert not [name for _, name, _ in attacked.attributes if name.startswith("on")]
    assert not re.search(r">\s*49\b", hostile), "a template expression in the data was evaluated"


def test_every_hostile_text_is_shown_as_text(hostile: str) -> None:
    assert hostile.count("&lt;script&gt;") >= 60
    assert "[U+202E]" in hostile, "a text that turns the reading direction shows that it does"
    assert "\u202e" not in hostile


def test_names_of_any_length_leave_the_page_readable() -> None:
    page = render_html(hostile_report(LONG), version=1)
    assert len(page) < 1_000_000


@pytest.mark.parametrize("page", ["sample", "hostile"])
def test_the_page_names_nothing_to_fetch(page: str, request: pytest.FixtureRequest) -> None:
    text: str = request.getfixturevalue(page)
    parsed = _Page(text)
    assert parsed.all("src") + parsed.all("srcset") + parsed.all("action") + parsed.all("data") == []
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & set(parsed.tags)
    [style] = re.findall(r"<style>(.*?)</style>", text, flags=re.S)
    assert "@import" not in style
    assert "url(" not in style


def test_links_lead_to_web_pages_only(sample: str, hostile: str) -> None:
    away = [target for target in _Page(sample).all("href") if not target.startswith("#")]
    assert away == ["http://127.0.0.1:3000/runs/6d1a3c5e", "https://github.com/acme/shop/issues/5"]
    assert all(target.startswith("#") for target in _Page(hostile).all("href"))


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        SCRIPT_LINK,
        "data:text/html,x",
        "//host/x",
        "http:x",
        "https://",
        "http://a b",
        "http://[",
        "HTTP\n://a",
    ],
)
def test_an_address_that_is_no_web_page_is_no_link(address: str | None) -> None:
    assert web_link(address) is None


def test_the_policy_lets_only_the_page_s_own_scripts_run(sample: str) -> None:
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', sample)
    assert "default-src &#39;none&#39;" in policy
    scripts = policy.partition("script-src")[2]
    assert scripts.count("sha256-") == 2
    assert "unsafe" not in scripts
    assert "blob" not in scripts


def test_the_headline_tells_the_worst_first() -> None:
    broken = [CustodyReport(workspace=WORKSPACE, intact=False, problem="row 7 was edited")]
    assert headline(sample_report(custody=broken)).text == "The custody chain is broken in 1 workspace."
    assert headline(sample_report()).text == "1 of 5 checked patches failed."
    assert headline(sample_report(totals=counted())).text == "No patches."


def test_the_headline_never_calls_unchecked_work_a_success() -> None:
    def text(**counts: int) -> str:
        return headline(sample_report(totals=counted(**counts))).text

    assert text(ok=1) == "Every patch was checked and passed."
    assert text(unchecked=1) == "1 patch unchecked; nothing was checked."
    assert text(ok=1, unchecked=1) == "1 patch unchecked; all 1 that were checked passed."
    assert text(ok=1, unchecked=1, refused=1) == "1 patch failed before any check ran."


def test_a_diff_is_shown_by_what_its_lines_do() -> None:
    tricky = "--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1,2 @@\n--- an old comment\n+++ a new one\n ;\n"
    page = render_html(sample_report(files=[file("q.sql", final_diff=tricky)]), version=1)
    assert "<i>--- a/q.sql\n+++ b/q.sql</i><b>@@ -1,2 +1,2 @@</b>" in page
    assert "<del>--- an old comment</del>" in page
    assert "<ins>+++ a new one</ins> ;</pre>" in page


def test_diffs_are_shown_as_far_as_the_page_has_room() -> None:
    large = DIFF + "+x\n" * (MAX_PAGE_DIFF_CHARS // 5)
    files: list[FileReport] = [file(f"{n}.py", final_diff=large) for n in range(3)]
    page = render_html(sample_report(files=files), version=1)
    assert page.count('<pre class="diff"') == 1
    assert page.count("The page has no room for its diff") == 2


def test_a_list_that_is_too_long_says_how_much_is_left_out() -> None:
    [first, *_] = sample_report().patches
    page = render_html(sample_report(patches=[first] * (MAX_ROWS + 5), files=[]), version=1)
    assert "5 patchs more" not in page
    assert "5 patches more: all of them are in the report’s JSON." in page


def test_a_page_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    first = render_html(sample_report(), version=1, cache=tmp_path / "a")
    assert render_html(sample_report(), version=1, cache=tmp_path / "b") == first
