"""The report as Markdown: clean on GitHub, whole, inert, and as short as it is asked to be."""

from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from repo_agent_dagster.contracts.reports import CustodyReport
from repo_agent_dagster.reports.charts.of_report import report_charts
from repo_agent_dagster.reports.links import markdown_link
from repo_agent_dagster.reports.markdown import render_markdown
from repo_agent_dagster.reports.markdown.blocks import MAX_ROWS
from tests.reports.hostile import HOSTILE, LONG, SCRIPT_LINK, hostile_report
from tests.reports.sample_report import TYPE_ERROR, WORKSPACE, counted, sample_report

GOLDEN = Path(__file__).parent / "golden" / "vat-42.md"
_FOLD = {"<details>", "</details>"}


def _tokens(text: str) -> list[Token]:
    """All tokens of a text, blocks and what is inside of lines, as GitHub's kind of parser sees them."""
    parsed = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    return [token for block in parsed for token in (block, *(block.children or ()))]


def test_the_markdown_is_the_golden_one() -> None:
    assert render_markdown(sample_report(), charts_at="charts") == GOLDEN.read_text(encoding="utf-8")


def test_pictures_lie_where_they_are_said_to() -> None:
    images = [
        t.attrs["src"] for t in _tokens(render_markdown(sample_report(), charts_at="charts")) if t.type == "image"
    ]
    assert images == [f"charts/{name}.svg" for name in report_charts(sample_report())]
    assert not [t for t in _tokens(render_markdown(sample_report())) if t.type == "image"]


def test_a_folder_of_any_name_is_linked() -> None:
    text = render_markdown(sample_report(), charts_at="my charts (1)")
    assert "![Timeline](my%20charts%20%281%29/timeline.svg)" in text


def test_a_report_of_nothing_is_a_report() -> None:
    empty = {name: [] for name in ("phases", "timeline", "days", "operations", "factories", "files", "patches")}
    text = render_markdown(sample_report(totals=counted(), **empty), charts_at="charts")
    assert "**0 patches** on 0 files" in text
    assert "No patches." in text
    assert "## Charts" not in text
    assert "## Files" not in text


def test_a_broken_chain_is_told_first_and_with_its_first_broken_link() -> None:
    broken = [CustodyReport(workspace=WORKSPACE, intact=False, problem="row 7 was edited")]
    text = render_markdown(sample_report(custody=broken))
    assert text.splitlines()[2] == "**The custody chain is broken in 1 workspace.**"
    assert "**chain broken**: row 7 was edited" in text


@pytest.mark.parametrize("text", [HOSTILE, LONG, "@team #12 www.x.y GH-1 ~~a~~ ![i](http://x) | a | b\n- c\n```\n# d"])
def test_no_text_can_become_markup(text: str) -> None:
    plain, attacked = (_tokens(render_markdown(report)) for report in (sample_report(), hostile_report(text)))
    shapes = [
        [t.type for t in tokens if t.type in ("table_open", "tr_open", "th_open", "td_open", "heading_open", "hr")]
        for tokens in (plain, attacked)
    ]
    assert shapes[0] == shapes[1], "tables and headings are those of the plain report"
    kinds = {t.type for t in attacked}
    assert not kinds & {"html_inline", "image", "link_open", "s_open"}
    for block in (t.content for t in attacked if t.type == "html_block"):
        lines = [line for line in block.splitlines() if line]
        assert all(line in _FOLD or line.startswith("<summary>") for line in lines)
        assert "owned" not in block
    assert len([t for t in attacked if t.type == "html_block"]) == len([t for t in plain if t.type == "html_block"])


def test_mentions_and_references_are_inert() -> None:
    text = render_markdown(hostile_report("@team #12 see www.evil.example or https://evil.example"))
    outside = "".join(t.content for t in _tokens(text) if t.type == "text")
    for reference in ("@team", "#12", "www.evil", "://evil"):
        assert reference not in outside


def test_what_is_long_is_shortened_and_said_so() -> None:
    [first, *_] = sample_report().patches
    text = render_markdown(sample_report(patches=[first] * (MAX_ROWS + 3)))
    assert "3 rows more in the report's JSON." in text
    assert text.count(first.patch_id) == MAX_ROWS
    assert len(render_markdown(hostile_report(LONG))) < 200_000


@pytest.mark.parametrize("room", [1_500, 4_000, 6_000, 9_000, 60_000])
def test_a_text_fits_into_its_room_and_names_what_did_not(room: int) -> None:
    report = sample_report()
    whole, text = render_markdown(report), render_markdown(report, max_characters=room)
    assert len(text) <= room
    assert text.startswith("# Delivery report: order vat-42\n\n**1 of 5 checked patches failed.**")
    assert ("_Left out here for room: " in text) == (text != whole)
    assert text.count("<details>") == text.count("</details>")
    assert text.count("```") % 2 == 0


def test_details_go_before_what_matters() -> None:
    text = render_markdown(sample_report(), max_characters=6_000)
    assert TYPE_ERROR in text
    assert "chain intact" in text
    assert "<summary>6 patches" not in text
    assert "patches, the numbers' rules" in text


def test_a_link_cannot_be_ended_by_its_address() -> None:
    assert markdown_link("run", "http://h/a b") == "run"
    assert markdown_link("run", SCRIPT_LINK) == "run"
    assert markdown_link("run", "http://h/a>|)[x](y") == "[run](<http://h/a%3E%7C%29%5Bx%5D%28y>)"
