"""The severity rules as Markdown, for `docs/ops-analysis.md`; a test holds the page to the data."""

from collections.abc import Iterator

from repo_agent_dagster.ops.severity.contract import Conditions, SeverityRule, SeverityRules


def as_markdown(rules: SeverityRules) -> str:
    """Return the rules as a sentence on the base and a table, a row for each rule."""
    base = ", ".join(f"`{level.value}` {value}" for level, value in rules.base.items())
    rows = [f"| {_step(rule)} | {rule.because} | {_when(rule)} |" for rule in rules.rules]
    return "\n".join(
        [
            f"Start from the level: {base}. Steps up are counted up to {rules.most_up}.",
            "",
            "| step | because | when |",
            "|---|---|---|",
            *rows,
        ]
    )


def _step(rule: SeverityRule) -> str:
    if rule.never_below is not None:
        return f"at least {rule.never_below}"
    return f"{rule.up} up" if rule.up else f"{rule.down} down"


def _when(rule: SeverityRule) -> str:
    return ", or ".join("; ".join(_told(conditions)) for conditions in rule.when)


def _told(wanted: Conditions) -> Iterator[str]:
    if wanted.kinds:
        yield " or ".join(f"{kind}s" for kind in wanted.kinds)
    for name, values in (
        ("level", [level.value for level in wanted.levels]),
        ("outcome", wanted.outcomes),
        ("exception", wanted.exceptions),
        ("cause", [cause.value for cause in wanted.causes]),
        ("trend", [trend.value for trend in wanted.trends]),
    ):
        if values:
            yield f"{name} {', '.join(f'`{value}`' for value in values)}"
    if wanted.says or wanted.matches:
        yield "the text says so"
    if wanted.least_count:
        yield f"at least {wanted.least_count:,} occurrences"
    if wanted.most_count:
        yield f"at most {wanted.most_count:,} occurrence{'s' if wanted.most_count > 1 else ''}"
    if wanted.least_runs:
        yield f"at least {wanted.least_runs} builds"
    if wanted.least_share_of_runs:
        yield f"at least {wanted.least_share_of_runs:.0%} of the job's builds"
    if wanted.least_places:
        yield f"at least {wanted.least_places} workers or repositories"
    for wish, name in (
        (wanted.default_branch, "on the default branch"),
        (wanted.pull_request, "on pull requests"),
        (wanted.deploy, "in a deploy step"),
    ):
        if wish is not None:
            yield name if wish else f"not {name}"
