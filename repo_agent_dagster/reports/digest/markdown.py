"""The digest as Markdown that GitHub shows cleanly."""

from collections.abc import Iterator

from repo_agent_dagster.contracts.digests import WeeklyDigest
from repo_agent_dagster.contracts.reports import OpsIssueReport, PatchCounts
from repo_agent_dagster.pages.markdown_text import code, inline, table
from repo_agent_dagster.pages.visible_text import visible
from repo_agent_dagster.pages.wording import instant, latency, plural, words
from repo_agent_dagster.reports.digest.charts import digest_charts
from repo_agent_dagster.reports.digest.wording import change, headline, points
from repo_agent_dagster.reports.wording import rate, short_rate, step

_COUNTS = ["patches", "ok", "failed", "unchecked", "reverted", "success rate"]
_ERROR_LENGTH = 300


def render_markdown(digest: WeeklyDigest, *, charts_at: str | None = None) -> str:
    """Return the digest as GitHub-flavoured Markdown; everything that came from patches and issues is escaped.

    `charts_at` is where its pictures lie, e.g. ``charts``: ``charts/days.svg`` and so on, by the names of
    `digest_charts`; without it there are none.
    """
    parts = list(_heading(digest))
    if charts_at:
        parts += [f"![{inline(chart.title)}]({charts_at}/{name}.svg)" for name, chart in digest_charts(digest).items()]
    parts += [part for section in _SECTIONS for part in section(digest)]
    return visible("\n\n".join(parts) + "\n")


def _heading(digest: WeeklyDigest) -> Iterator[str]:
    totals, before = digest.totals, digest.before
    yield f"# Weekly digest: {digest.week}"
    yield f"**{headline(digest).text}**"
    last = digest.daily[-1].day
    yield (
        f"{digest.from_at:%Y-%m-%d} to {last:%Y-%m-%d}, UTC. Made {instant(digest.generated_at)}"
        + ("." if digest.is_over else ", before the week was over.")
    )
    names = ("total", "ok", "failed", "unchecked", "reverted", "refused")
    rows = [
        [
            "patches" if name == "total" else name,
            f"{getattr(totals, name):,}",
            f"{getattr(before, name):,}",
            change(getattr(totals, name), getattr(before, name)),
        ]
        for name in names
    ]
    rows.append(["success rate", rate(totals), rate(before), points(totals, before)])
    yield table(["", "this week", "the week before", "change"], rows, numbers=frozenset({1, 2, 3}))


def _days(digest: WeeklyDigest) -> Iterator[str]:
    yield "## Days"
    rows = [[f"{day.day:%a %Y-%m-%d}", *_cells(day.counts)] for day in digest.daily]
    yield table(["day", *_COUNTS], rows, numbers=_right(1, 7))


def _groups(digest: WeeklyDigest) -> Iterator[str]:
    if digest.factories:
        yield "## Factories"
        rows = [[code(row.factory), *_cells(row.counts), *_before(row.counts, row.before)] for row in digest.factories]
        yield table(["factory", *_COUNTS, "before", "change"], rows, numbers=_right(1, 9))
        yield from _rest(digest.factories_left_out, "factory", "factories")
    if digest.phases:
        yield "## Phases"
        rows = [[_named(row.phase), *_cells(row.counts), *_before(row.counts, row.before)] for row in digest.phases]
        yield table(["phase", *_COUNTS, "before", "change"], rows, numbers=_right(1, 9))
        yield from _rest(digest.phases_left_out, "phase", "phases")
    if digest.operations:
        shares = ", ".join(f"{code(o.op)} {o.patches:,} ({o.share:.1%})" for o in digest.operations)
        yield f"Operations: {shares}."


def _orders(digest: WeeklyDigest) -> Iterator[str]:
    if digest.orders:
        yield "## Orders"
        rows = [
            [code(row.order_id), *_cells(row.counts), f"v{row.report_version}" if row.report_version else "–"]
            for row in digest.orders
        ]
        yield table(["order", *_COUNTS, "report"], rows, numbers=_right(1, 7))
        yield from _rest(digest.orders_left_out, "order", "orders")


def _errors(digest: WeeklyDigest) -> Iterator[str]:
    if digest.errors:
        yield "## Top errors"
        rows = [[inline(_cut(row.error)), f"{row.patches:,}"] for row in digest.errors]
        if digest.other_errors:
            rows.append(["other errors", f"{digest.other_errors:,}"])
        yield table(["error", "patches"], rows, numbers=frozenset({1}))


def _latency(digest: WeeklyDigest) -> Iterator[str]:
    measured = [row for row in digest.latency if row.now.patches]
    if measured:
        yield "## Latency"
        rows = [
            [
                step(row.now.step),
                f"{row.now.patches:,}",
                *(latency(value) for value in (row.now.mean_seconds, row.now.p95_seconds)),
                *(latency(value) for value in (row.before.mean_seconds, row.before.p95_seconds)),
            ]
            for row in measured
        ]
        headers = ["step", "patches", "mean", "p95", "mean before", "p95 before"]
        yield table(headers, rows, numbers=_right(1, 6))


def _ops(digest: WeeklyDigest) -> Iterator[str]:
    ops = digest.ops_issues
    yield "## Ops issues"
    yield f"{ops.opened_total:,} opened, {ops.resolved_total:,} resolved."
    for name, issues, total in (
        ("Opened", ops.opened, ops.opened_total),
        ("Resolved", ops.resolved, ops.resolved_total),
    ):
        if issues:
            yield f"### {name}"
            yield table(["severity", "issue", "status", "when", "GitHub"], [_issue_cells(issue) for issue in issues])
            yield from _rest(total - len(issues), "issue", "issues")


def _sources(digest: WeeklyDigest) -> Iterator[str]:
    yield "## Where each number comes from"
    yield table(["number", "rule"], [[inline(source.number), inline(source.rule)] for source in digest.sources])
    first, last = f"{digest.from_at:%Y-%m-%d}", f"{digest.daily[-1].day:%Y-%m-%d}"
    yield f"The queries: `repo-agent reports stats --from {first} --to {last} --why`."


_SECTIONS = (_days, _groups, _orders, _errors, _latency, _ops, _sources)


def _cells(counts: PatchCounts) -> list[str]:
    numbers = (counts.total, counts.ok, counts.failed, counts.unchecked, counts.reverted)
    return [*(f"{number:,}" for number in numbers), short_rate(counts)]


def _before(now: PatchCounts, before: PatchCounts) -> tuple[str, str]:
    return f"{before.total:,}", change(now.total, before.total)


def _named(phase: str | None) -> str:
    return "(no phase)" if phase is None else code(phase)


def _issue_cells(issue: OpsIssueReport) -> list[str]:
    # GitHub's own address is the only one that is shown as a link, and it comes from GitHub's answer.
    link = inline(issue.url) if issue.url else "–"
    return [str(issue.severity), inline(_cut(issue.title)), words(issue.status), instant(issue.at), link]


def _rest(count: int, one: str, many: str) -> Iterator[str]:
    if count > 0:
        yield f"And {plural(count, f'more {one}', f'more {many}')}."


def _right(first: int, end: int) -> frozenset[int]:
    return frozenset(range(first, end))


def _cut(text: str) -> str:
    return text if len(text) <= _ERROR_LENGTH else f"{text[: _ERROR_LENGTH - 1]}…"
