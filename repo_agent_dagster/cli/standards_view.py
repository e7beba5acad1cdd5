"""How `migrate-staging standards` shows findings, rules and examples: grouped by file, or as JSON."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.syntax import Syntax
from rich.text import Text

from repo_agent_dagster.cli.migration_view import print_json, show_diff, show_rows

if TYPE_CHECKING:
    from repo_agent_dagster.migration.standards import ExampleFailure, Finding, Fixed, Rule, StandardsReport
    from repo_agent_dagster.migration.standards.tree import Tree

_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}


def show_report(
    report: "StandardsReport",
    tree: "Tree",
    *,
    as_json: bool,
    fixed: "Fixed | None" = None,
    batch_id: str | None = None,
    diff: str = "",
) -> None:
    """Print what a check found, and before it what was fixed."""
    unsure = (*tree.unread, *report.unsure)
    if as_json:
        told = {"root": str(tree.root), **report.to_json(), "unsure": [vars(one) for one in unsure]}
        told["counts"]["unsure"] = len(unsure)
        if fixed is not None:
            told["fixed"] = {
                "applied": [vars(one) for one in fixed.applied],
                "declined": [vars(one) for one in fixed.declined],
                "files": list(fixed.changes),
                "batch_id": batch_id,
                "diff": diff,
            }
        print_json(told)
        return
    console = _console()
    show_diff(diff)
    for file, findings in groupby(report.findings, key=lambda finding: finding.file):
        console.print(Text(file, "bold underline"), soft_wrap=True)
        _show_findings(console, list(findings))
        console.print()
    for one in unsure:
        place = f"{one.file}:{one.line}:{one.column}"
        console.print(f"[magenta]unsure[/] {escape(place)} {escape(one.reason)}", soft_wrap=True)
    for idle in report.idle:
        console.print(f"[magenta]idle[/] {escape(idle)}", soft_wrap=True)
    if fixed is not None:
        _show_fixed(console, fixed, tree, batch_id)
    console.print(_summary(report), soft_wrap=True)


def _show_findings(console: Console, findings: "Sequence[Finding]") -> None:
    place = max(len(f"{one.line}:{one.column}") for one in findings)
    rule = max(len(one.rule) for one in findings)
    for one in findings:
        line = Text(f"  {f'{one.line}:{one.column}':>{place}}  ", "dim")
        line.append(f"{one.level:<8}", _COLOURS[one.level])
        line.append(f"{one.rule:<{rule}}  ", "bold")
        line.append(one.message, "default")
        if one.fix != "no":
            line.append(" [fixable]" if one.fix == "safe" else " [unsafe fix]", "green")
        elif one.why_not:
            line.append(f" [no fix: {one.why_not}]", "dim")
        console.print(line, soft_wrap=True)


def _show_fixed(console: Console, fixed: "Fixed", tree: "Tree", batch_id: str | None) -> None:
    for one in fixed.declined:
        console.print(f"[yellow]not fixed[/] {escape(one.file)} {one.rule}: {escape(one.reason)}", soft_wrap=True)
    done = f"{_count(len(fixed.applied), 'fix', 'fixes')} in {_count(len(fixed.changes), 'file')}"
    if batch_id is not None:
        undo = f"undo: patchctl revert --batch {batch_id} --workspace {tree.root}"
        console.print(f"[green]{done}[/]; {escape(undo)}", soft_wrap=True)
    else:
        console.print(f"{done}; nothing written" if fixed.changes else "nothing to fix", soft_wrap=True)


def _summary(report: "StandardsReport") -> str:
    counts = ", ".join(
        f"[{_COLOURS[level]}]{_count(count, level)}[/]" if level != "info" else f"{count} info"
        for level, count in report.counts.items()
        if count
    )
    fixable = sum(one.fixable for one in report.findings)
    parts = [
        f"[bold]{counts or '[green]no findings[/]'}[/]",
        f"{_count(report.files, 'file')} by {_count(len(report.rules), 'rule')}",
        f"score {report.score}",
    ]
    if report.suppressed:
        parts.append(f"{report.suppressed} suppressed")
    if fixable:
        parts.append(f"{fixable} fixable with --fix")
    return " · ".join(parts)


def show_rules(rules: "Sequence[Rule]", *, as_json: bool) -> None:
    """Print the rules as a table, or whole as JSON."""
    if as_json:
        print_json([_as_json(rule) for rule in rules])
        return
    rows = [
        {"rule": rule.id, "level": rule.level, "fix": _fix(rule), "title": rule.spec.title, "from": rule.origin}
        for rule in rules
    ]
    show_rows(rows, as_json=False, empty="No rules are left.")


def show_rule(rule: "Rule", *, as_json: bool) -> None:
    """Print all about one rule."""
    if as_json:
        print_json(_as_json(rule))
        return
    console, spec = _console(), rule.spec
    console.print(f"[bold]{spec.id}[/]  {escape(spec.title)}", soft_wrap=True)
    console.print(f"{spec.level} · fix: {_fix(rule)} · {escape(rule.origin)}\n", soft_wrap=True)
    console.print(Text(spec.why))
    if spec.docs:
        console.print()
        console.print(Markdown(spec.docs))
    console.print(f"\n[bold]Files[/] {escape(', '.join(spec.files))}", soft_wrap=True)
    if spec.not_files:
        console.print(f"[bold]Not[/]   {escape(', '.join(spec.not_files))}", soft_wrap=True)
    for name, value in spec.params.items():
        console.print(f"[bold]Parameter[/] {name} (default {escape(repr(value))})", soft_wrap=True)
    for title, examples in (("Found", spec.examples.bad), ("Passes", spec.examples.good)):
        console.print(f"\n[bold]{title}[/]")
        for example in examples:
            console.print(Syntax(example.code.rstrip("\n"), "tsx", background_color="default", word_wrap=True))
            console.print()
    console.print(f"Suppress: [cyan]// standards-ignore: {spec.id} reason[/]", soft_wrap=True)


def show_examples(rules: "Sequence[Rule]", failures: "Sequence[ExampleFailure]", *, as_json: bool) -> None:
    """Print which of the rules' examples do not show what they say."""
    count = sum(len(rule.spec.examples.good) + len(rule.spec.examples.bad) for rule in rules)
    if as_json:
        print_json({"rules": len(rules), "examples": count, "failures": [vars(failure) for failure in failures]})
        return
    console = _console()
    for failure in failures:
        console.print(f"[red]{failure.rule}[/] {escape(failure.example)}: {escape(failure.message)}", soft_wrap=True)
    verdict = _count(len(failures), "failure") if failures else "all as they say"
    console.print(f"{_count(len(rules), 'rule')}, {_count(count, 'example')}: {verdict}", soft_wrap=True)


def show_schema(schema: dict[str, Any]) -> None:
    """Print the JSON Schema of a rule file."""
    print_json(schema)


def _as_json(rule: "Rule") -> dict[str, Any]:
    said = rule.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {**said, "level": rule.level, "fix": _fix(rule), "from": rule.origin}


def _fix(rule: "Rule") -> str:
    if rule.spec.fix is None:
        return "no"
    return "safe" if rule.spec.fix.safe else "unsafe"


def _count(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"


def _console() -> Console:
    return Console(highlight=False)
