"""Check a tree's files against rules: gather what rules need to know of all files, then look at each file once."""

from collections.abc import Iterator, Mapping, Sequence

from repo_agent_dagster.migration.standards.matching import Gathered, Match, SourceFile, find_matches, gather_from
from repo_agent_dagster.migration.standards.report import Finding, Fixable, StandardsReport, Unsure
from repo_agent_dagster.migration.standards.rules import Rule, gathers_everywhere
from repo_agent_dagster.migration.standards.suppressions import IGNORE_RULE, MARK, covers, suppressions_of

FILE_LIMIT_BYTES = 1_000_000
"""Larger files are listed, not read: they are generated, and a syntax tree takes some fifty times their size."""

GatheredByRule = Mapping[str, Gathered]


def check(
    files: Mapping[str, bytes], rules: Sequence[Rule], *, context: Mapping[str, bytes] | None = None
) -> StandardsReport:
    """Return what the rules find in the files, given by their paths relative to the tree's root.

    `context` are files that are not checked themselves, but that rules may gather from (see `needs_context`).
    """
    gathered = gather(files, rules, context or {})
    looked_at = 0
    findings: list[Finding] = []
    unsure: list[Unsure] = []
    suppressed = 0
    for path in sorted(files):
        due = [rule for rule in rules if rule.looks_at(path)]
        looked_at += bool(due)
        verdict = check_file(SourceFile(path, files[path]), due, gathered)
        findings += verdict.findings
        unsure += verdict.unsure
        suppressed += verdict.suppressed
    return StandardsReport(
        tuple(rule.id for rule in rules),
        looked_at,
        tuple(sorted(findings, key=lambda one: (one.file, one.line, one.column, one.rule, one.message))),
        tuple(unsure),
        suppressed,
        tuple(_idle(rules, gathered)),
    )


def gather(files: Mapping[str, bytes], rules: Sequence[Rule], context: Mapping[str, bytes]) -> GatheredByRule:
    """Return by rule id what the rules gather from all files."""
    texts: dict[str, set[str]] = {rule.id: set() for rule in rules if rule.spec.collect is not None}
    gathering = [rule for rule in rules if rule.id in texts]
    for path, content in {**context, **files}.items() if gathering else ():
        file = SourceFile(path, content)
        for rule in gathering:
            if path not in files and not gathers_everywhere(rule):
                continue
            if len(content) <= FILE_LIMIT_BYTES and rule.gathers_from(path) and rule.collect_need.is_met(content):
                texts[rule.id] |= gather_from(file, rule)
    return {name: Gathered(frozenset(found)) for name, found in texts.items()}


class Verdict:
    """What one file came to: its findings, what is unsure, and the matches that no comment allows."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.unsure: list[Unsure] = []
        self.matches: list[Match] = []
        self.suppressed = 0


def check_file(file: SourceFile, due: Sequence[Rule], gathered: GatheredByRule) -> Verdict:
    """Return what the rules that are for this file find in it."""
    verdict = Verdict()
    if not due:
        return verdict
    if len(file.content) > FILE_LIMIT_BYTES:
        reason = f"{len(file.content)} bytes; files of more than {FILE_LIMIT_BYTES} are not read"
        verdict.unsure.append(Unsure(file.path, 1, 1, reason))
        return verdict
    candidates = [rule for rule in due if _may_match(rule, file.content, gathered)]
    if candidates:
        _judge(file, candidates, gathered, verdict)
    if MARK in file.content:
        _heed_comments(file, due, verdict)
    verdict.findings += [_finding(file.path, match) for match in verdict.matches]
    return verdict


def _may_match(rule: Rule, content: bytes, gathered: GatheredByRule) -> bool:
    if not rule.need.is_met(content):
        return False
    goes_by_gathered = any(where.collected for where in rule.spec.where.values())
    return not goes_by_gathered or gathered[rule.id].may_be_in(content)


def _judge(file: SourceFile, candidates: Sequence[Rule], gathered: GatheredByRule, verdict: Verdict) -> None:
    reads_code = any(rule.pattern is None for rule in candidates)
    if file.source is None:
        if reads_code:
            verdict.unsure.append(Unsure(file.path, 1, 1, "not text (NUL bytes or UTF-16), so not checked"))
        return
    verdict.matches = find_matches(file, candidates, gathered)
    if reads_code:
        verdict.unsure += [
            Unsure(file.path, line, column, f"the parser does not understand this: {text}")
            for line, column, text in file.unread
        ]


def _heed_comments(file: SourceFile, due: Sequence[Rule], verdict: Verdict) -> None:
    """Leave out what comments allow, and tell of comments that allow nothing."""
    good, bad = suppressions_of(file)
    kept: list[Match] = []
    used: set[tuple[int, str]] = set()
    for match in verdict.matches:
        hits = [number for number, one in enumerate(good) if covers(one, match.rule.id, match.place.line)]
        used |= {(number, match.rule.id) for number in hits}
        verdict.suppressed += bool(hits)
        if not hits:
            kept.append(match)
    verdict.matches = kept
    for problem in bad:
        place = problem.place
        verdict.findings.append(Finding(IGNORE_RULE, "warning", file.path, place.line, place.column, problem.message))
    for number, one in enumerate(good):
        for name in sorted(one.rules & {rule.id for rule in due}):
            if (number, name) not in used:
                told = f"{name} finds nothing here, so this comment can go"
                verdict.findings.append(Finding(IGNORE_RULE, "info", file.path, one.place.line, one.place.column, told))


def _finding(path: str, match: Match) -> Finding:
    return Finding(
        match.rule.id,
        match.rule.level,
        path,
        match.place.line,
        match.place.column,
        match.message,
        _fixable(match),
        match.why_not,
    )


def _fixable(match: Match) -> Fixable:
    if match.rule.spec.fix is None or not match.edits:
        return "no"
    return "safe" if match.rule.spec.fix.safe else "unsafe"


def _idle(rules: Sequence[Rule], gathered: GatheredByRule) -> Iterator[str]:
    for rule in rules:
        gathers = rule.spec.collect
        is_needed = any(where.collected for where in rule.spec.where.values())
        if gathers is not None and is_needed and not gathered[rule.id].texts:
            yield f"{rule.id}: nothing to go by in {gathers.files[0]}; if it is elsewhere, set the rule's parameters"
