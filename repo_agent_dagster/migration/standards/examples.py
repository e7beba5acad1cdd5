"""Try a rule's own examples: what it calls good must pass, what it calls bad must be found, and fixed as it says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repo_agent_dagster.migration.standards.checking import check
from repo_agent_dagster.migration.standards.contract import Example
from repo_agent_dagster.migration.standards.fixing import fix
from repo_agent_dagster.migration.standards.languages import ending_of
from repo_agent_dagster.migration.standards.matching import SourceFile
from repo_agent_dagster.migration.standards.report import StandardsReport
from repo_agent_dagster.migration.standards.rules import Rule


@dataclass(frozen=True)
class ExampleFailure:
    """An example that does not show what it says; `example` names it, such as ``bad[0]``."""

    rule: str
    example: str
    message: str


def try_examples(rules: Sequence[Rule]) -> tuple[ExampleFailure, ...]:
    """Return the examples that fail, of all these rules."""
    failures = []
    for rule in rules:
        for kind, examples in (("good", rule.spec.examples.good), ("bad", rule.spec.examples.bad)):
            for index, example in enumerate(examples):
                failures += [
                    ExampleFailure(rule.id, f"{kind}[{index}]", message)
                    for message in _faults(rule, example, is_good=kind == "good")
                ]
    return tuple(failures)


def _faults(rule: Rule, example: Example, *, is_good: bool) -> Iterator[str]:
    path = example.file or _path(rule)
    if path is None or not (rule.looks_at(path) or (is_good and example.file)):
        yield f"the rule does not look at {path or 'a plain file'}; give the example a file: that it looks at"
        return
    files = {path: example.code.encode(), **{name: text.encode() for name, text in example.others.items()}}
    report = check(files, [rule])
    if rule.pattern is None:
        for line, column, part in SourceFile(path, files[path]).unread:
            yield f"line {line}:{column}: the parser does not understand this: {part}"
    if is_good:
        yield from (f"found in {one.file}:{one.line}:{one.column}: {one.message}" for one in report.findings)
    else:
        yield from _faults_of_bad(rule, example, path, files, report)


def _faults_of_bad(
    rule: Rule, example: Example, path: str, files: dict[str, bytes], report: StandardsReport
) -> Iterator[str]:
    count = sum(one.file == path and one.rule == rule.id for one in report.findings)
    if not count:
        yield "not found"
    elif example.findings is not None and count != example.findings:
        yield f"found {count} times, not {example.findings}"
    if rule.spec.fix is None:
        return
    fixed = fix(files, [rule], unsafe=True)
    new = fixed.changes.get(path)
    if example.fixed is None:
        if new is not None:
            yield f"is fixed, though the example has no fixed:; it becomes {new.decode()!r}"
    elif new != example.fixed.encode():
        why = "".join(f" ({one.reason})" for one in fixed.declined)
        yield f"is fixed to {example.code if new is None else new.decode()!r}, not {example.fixed!r}{why}"


def _path(rule: Rule) -> str | None:
    """Return a plain path that the rule looks at."""
    endings = [ending_of(language) for language in rule.languages] or [".txt", ".md", ".json", ".yaml", ".ts", ".py"]
    return next((path for ending in endings if rule.looks_at(path := f"src/example{ending}")), None)
