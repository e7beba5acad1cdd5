"""The rules that come with the package, read once and made ready to be tried."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.ops.analysis.causes.contract import CauseRule, CauseRules, Clues
from repo_agent_dagster.ops.rule_files import RulesBroken, read_rules
from repo_agent_dagster.ops.text_clues import TextClue, class_names

FOLDER = Path(__file__).parent / "rules"


@dataclass(frozen=True, slots=True)
class ReadyClues:
    """Clues with their expressions compiled; `text` is None where nothing need be said."""

    text: TextClue | None
    kinds: frozenset[LogKind]
    exceptions: re.Pattern[str] | None
    tools: frozenset[str]
    commands: TextClue | None
    outcomes: frozenset[str]
    exit_codes: frozenset[int]
    conclusions: frozenset[str]
    passed_on_retry: bool


@dataclass(frozen=True, slots=True)
class ReadyRule:
    """A rule that can be tried."""

    spec: CauseRule
    when: tuple[ReadyClues, ...]
    unless: tuple[ReadyClues, ...]


@cache
def rulebook() -> tuple[ReadyRule, ...]:
    """Return the rules, the weightiest first; of equal ones in the order of the files."""
    rules = [rule for path in sorted(FOLDER.glob("*.yaml")) for rule in read_rules(path, CauseRules).rules]
    if twins := sorted({one.id for one in rules if [other.id for other in rules].count(one.id) > 1}):
        raise RulesBroken(f"{FOLDER}: two rules are called {', '.join(twins)}; give each a name of its own")
    return tuple(
        ReadyRule(rule, _ready(rule.when), _ready(rule.unless)) for rule in sorted(rules, key=lambda one: -one.weight)
    )


def _ready(several: Sequence[Clues]) -> tuple[ReadyClues, ...]:
    return tuple(
        ReadyClues(
            TextClue.of(clues.says, clues.matches),
            frozenset(clues.kinds),
            class_names(clues.exceptions) if clues.exceptions else None,
            frozenset(clues.tools),
            TextClue.of((), clues.commands),
            frozenset(clues.outcomes),
            frozenset(clues.exit_codes),
            frozenset(clues.conclusions),
            clues.passed_on_retry is True,
        )
        for clues in several
    )
