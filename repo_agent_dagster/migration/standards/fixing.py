"""Fix what rules can fix, as byte splices: repeated until nothing is left, so that fixing again changes nothing.

A rule whose fixes never come to an end, or that would break the syntax, is left out for that file, and said so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from repo_agent_dagster.migration.rewriting.specifiers import Edit, splice
from repo_agent_dagster.migration.standards.checking import GatheredByRule, check_file, gather
from repo_agent_dagster.migration.standards.matching import Match, SourceFile
from repo_agent_dagster.migration.standards.rules import Rule

ROUNDS = 10
"""How often a file is fixed anew: fixes that touch wait for the next round, and a fix may uncover another."""


@dataclass(frozen=True)
class Applied:
    """One fix that was made; the place is where it stood in the file as it was in that round."""

    rule: str
    file: str
    line: int
    column: int
    message: str


@dataclass(frozen=True)
class Declined:
    """Fixes of a rule that were not made in a file, and why."""

    rule: str
    file: str
    reason: str


@dataclass(frozen=True)
class Fixed:
    """The new content of the files that change, what was fixed in them, and what was left."""

    changes: Mapping[str, bytes]
    applied: tuple[Applied, ...]
    declined: tuple[Declined, ...] = ()


def fix(
    files: Mapping[str, bytes],
    rules: Sequence[Rule],
    *,
    context: Mapping[str, bytes] | None = None,
    unsafe: bool = False,
) -> Fixed:
    """Return the files with their safe fixes made (`unsafe`: all fixes); the others are not touched."""
    state = dict(files)
    applied: list[Applied] = []
    declined: dict[Declined, None] = {}
    known: GatheredByRule | None = None
    dirty: Iterable[str] = sorted(files)
    for _ in range(ROUNDS):
        gathered = gather(state, rules, context or {})
        if known is not None and gathered != known:
            dirty = sorted(files)  # what a rule goes by has changed with the fixes
        known = gathered
        changed = []
        for path in dirty:
            due = [rule for rule in rules if rule.looks_at(path)]
            outcome = _fix_file(path, state[path], due, gathered, unsafe)
            declined |= dict.fromkeys(outcome.declined)
            if outcome.content != state[path]:
                state[path] = outcome.content
                applied += outcome.applied
                changed.append(path)
        if not changed:
            break
        dirty = changed
    else:
        for path in dirty:  # what is fixed in one file undoes the other: leave both as they were
            state[path] = files[path]
            declined[Declined("", path, f"the fixes of several files come to no end in {ROUNDS} rounds")] = None
    changes = {path: content for path, content in sorted(state.items()) if content != files[path]}
    made = tuple(one for one in applied if one.file in changes)
    return Fixed(changes, made, tuple(declined))


@dataclass(frozen=True)
class _Outcome:
    content: bytes
    applied: tuple[Applied, ...] = ()
    declined: tuple[Declined, ...] = ()


def _fix_file(path: str, content: bytes, due: Sequence[Rule], gathered: GatheredByRule, unsafe: bool) -> _Outcome:
    """Return the file fixed to the end; begin again without a rule that cannot come to one."""
    left_out: dict[str, str] = {}
    while True:
        able = [rule for rule in due if _may_fix(rule, unsafe) and rule.id not in left_out]
        outcome, culprits = _rounds(path, content, able, gathered)
        if not culprits:
            return _Outcome(
                outcome.content,
                outcome.applied,
                tuple(Declined(rule, path, reason) for rule, reason in sorted(left_out.items())),
            )
        left_out |= culprits


def _rounds(
    path: str, content: bytes, able: Sequence[Rule], gathered: GatheredByRule
) -> tuple[_Outcome, dict[str, str]]:
    """Return the file fixed round by round, or as it was and the rules that cannot be made use of, with the reason."""
    file = SourceFile(path, content)
    applied: list[Applied] = []
    chosen: list[Match] = []
    rounds, number = ROUNDS, 0
    while number < rounds:
        number += 1
        # Suppressing comments are heeded, as in a check: what is allowed is not fixed either.
        verdict = check_file(file, able, gathered)
        fixable = [match for match in verdict.matches if match.edits]
        chosen = _without_overlaps(fixable)
        if number == 1:
            rounds += len(fixable)  # some rules fix one place a round
        if not chosen or file.source is None:
            return _Outcome(file.content, tuple(applied)), {}
        edits = [edit for match in chosen for edit in match.edits]
        try:
            new = SourceFile(path, splice(file.source, edits))
        except UnicodeEncodeError:
            return _Outcome(content), {chosen[0].rule.id: "the file is not UTF-8 and cannot hold the new text"}
        if len(new.unread) > len(file.unread):
            return _Outcome(content), {_breaking(path, file, chosen): "it would leave code that does not parse"}
        applied += [
            Applied(match.rule.id, path, match.place.line, match.place.column, match.message) for match in chosen
        ]
        if new.content == file.content:
            return _Outcome(content), {match.rule.id: "it changes nothing" for match in chosen}
        file = new
    return _Outcome(content), {match.rule.id: "its fixes come to no end" for match in chosen}


def _may_fix(rule: Rule, unsafe: bool) -> bool:
    return rule.spec.fix is not None and (unsafe or rule.spec.fix.safe)


def _without_overlaps(matches: Sequence[Match]) -> list[Match]:
    """Return matches whose edits do not touch; the first in the file wins, and the rest wait for the next round."""
    chosen: list[Match] = []
    taken: list[Edit] = []
    for match in matches:
        if any(_touch(edit, other) for edit in match.edits for other in taken):
            continue
        if _takes_a_name_away(match) and any(one.rule.id == match.rule.id for one in chosen):
            continue  # whether the old name is still used shows only when the one before is fixed
        chosen.append(match)
        taken += match.edits
    return chosen


def _takes_a_name_away(match: Match) -> bool:
    fix = match.rule.spec.fix
    return fix is not None and any(wanted.instead_of for wanted in fix.imports)


def _touch(one: Edit, two: Edit) -> bool:
    return one.start == two.start or (one.start < two.end and two.start < one.end)


def _breaking(path: str, file: SourceFile, chosen: Sequence[Match]) -> str:
    """Return the rule whose fix breaks the syntax when it is made alone; the first, if only all together do."""
    for match in chosen:
        if file.source is not None:
            alone = SourceFile(path, splice(file.source, match.edits))
            if len(alone.unread) > len(file.unread):
                return match.rule.id
    return chosen[0].rule.id
