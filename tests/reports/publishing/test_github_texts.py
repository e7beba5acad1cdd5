"""What stands on GitHub is redacted, fits, and can hold nobody else's mark."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from repo_agent_dagster.contracts.reports import DeliveryRequest, ErrorCount, FactoryReport, OperationCount
from repo_agent_dagster.github.issues import MAX_BODY_CHARACTERS, MAX_TITLE_CHARACTERS
from repo_agent_dagster.reports.markdown import render_markdown
from repo_agent_dagster.reports.publishing.documents import Outgoing
from repo_agent_dagster.reports.publishing.github_texts import (
    body_of,
    digest_of,
    fitted,
    mark_of,
    marked_digest,
    title_of,
)
from repo_agent_dagster.store.delivery_reports import StoredReport
from repo_agent_dagster.store.report_targets import Document
from tests.reports.sample_report import counted, file, patch, sample_report

KEY = b"a key that only tests use"
TEXT = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=200)


def outgoing(markdown: str = "# A report\n", order: str = "42", **told: Any) -> Outgoing:
    stored = StoredReport(
        id="1",
        order_id=order,
        version=3,
        current=True,
        content_digest="d" * 64,
        report_md=markdown,
        report_json={"totals": {"total": 12, "failed": 1}} | told,
        html_path=None,
        success_rate=None,
        total_patches=12,
        created_at=datetime(2026, 3, 4, tzinfo=UTC),
    )
    return Outgoing(Document("order", order), stored)


def test_the_title_tells_the_order_and_its_patches() -> None:
    assert title_of(outgoing()) == "[Delivery] 42: 12 patches, 1 failed"


@given(TEXT)
def test_a_title_is_one_line_that_fits_whatever_the_order_is_called(order: str) -> None:
    title = title_of(outgoing(order=order * 3))

    assert len(title) <= MAX_TITLE_CHARACTERS
    assert "\n" not in title


@given(TEXT, TEXT)
def test_the_mark_is_found_whatever_the_order_is_called_and_the_report_says(order: str, markdown: str) -> None:
    body = body_of(outgoing(markdown, order), KEY)

    assert marked_digest(body, KEY) == digest_of(Document("order", order))


def test_a_mark_within_the_report_is_none() -> None:
    forged = mark_of(Document("order", "another"), KEY)

    body = body_of(outgoing(f"# A report\n\n`{forged}`\n\n{forged}\n"), KEY)

    assert marked_digest(body, KEY) == digest_of(Document("order", "42"))


def test_an_order_is_not_taken_for_a_week() -> None:
    assert digest_of(Document("order", "2026-W10")) != digest_of(Document("week", "2026-W10"))
    assert Document("order", "week 2026-W10").key != Document("week", "2026-W10").key


def test_secrets_do_not_leave() -> None:
    token = "ghp_" + "a1B2" * 9

    sent = outgoing(f"# A report\n\n| error |\n| --- |\n| {token} |\n", order=token)

    assert token not in body_of(sent, KEY)
    assert token not in title_of(sent)


def test_a_long_report_is_cut_at_a_line_and_what_was_open_is_closed() -> None:
    rows = "\n".join(f"+ line {number}" for number in range(20_000))
    markdown = f"# A report\n\n<details><summary>Files</summary>\n\n````diff\n{rows}\n````\n\n</details>\n"

    body = body_of(outgoing(markdown), KEY)

    assert len(body) <= MAX_BODY_CHARACTERS
    assert body.count("<details>") == body.count("</details>") == 1
    assert body.count("````") == 2
    assert "the rest does not fit here" in body
    assert marked_digest(body, KEY) is not None


def test_a_report_that_grows_by_redaction_still_fits() -> None:
    body = body_of(outgoing("password=hunter22 \n" * 3_300), KEY)

    assert len(body) <= MAX_BODY_CHARACTERS


def test_what_fits_is_left_as_it_is() -> None:
    assert fitted("# A\n\n<details>\n", "there") == "# A\n\n<details>\n"


def test_a_hostile_order_can_do_no_more_than_be_read() -> None:
    evil = "@everyone #12 ![x](https://evil.test/x.png) <img src=x> [y](javascript:a) `` | \n# head <!-- x -->"
    report = sample_report(
        order_id=evil,
        request=DeliveryRequest(requesters=[evil], reasons=[evil], branches=[evil], prompts=[evil]),
        errors=[ErrorCount(error=evil, patches=1)],
        operations=[OperationCount(op=evil, patches=1)],
        factories=[FactoryReport(factory=evil, counts=counted(1))],
        files=[file(evil)],
        patches=[patch(1, evil, timedelta(), error=evil, requester=evil)],
    )

    body = body_of(outgoing(render_markdown(report), evil), KEY)

    assert body.count("<!--") == 1  # the mark
    page = MarkdownIt("commonmark", {"html": True}).enable("table").parse(body)
    parts = [inner for token in page for inner in (token, *(token.children or ()))]
    html = {
        tag for one in parts if one.type in ("html_block", "html_inline") for tag in re.findall(r"<\w+", one.content)
    }
    assert html <= {"<details", "<summary", "<sub"}
    assert not [one for one in parts if one.type == "image"]
    links = [str(one.attrs["href"]) for one in parts if one.type == "link_open"]
    assert not [link for link in links if "evil" in link or link.startswith("javascript")]
    words = " ".join(one.content for one in parts if one.type == "text")
    assert not re.search(r"@everyone|#12|https://evil", words)
