"""House standards: rules as data (YAML with ast-grep patterns), checked and safely fixed on any tree.

The way through: `load_rules` → `select` → `check`, and `fix` for what has a safe fix. Both are pure: files come as
bytes by their path, and go back the same way. Only `tree.py` reads folders; nothing here writes.
"""

from repo_agent_dagster.migration.standards.checking import check
from repo_agent_dagster.migration.standards.examples import ExampleFailure, try_examples
from repo_agent_dagster.migration.standards.fixing import Applied, Declined, Fixed, fix
from repo_agent_dagster.migration.standards.report import Finding, StandardsReport, Unsure
from repo_agent_dagster.migration.standards.rules import (
    Rule,
    RuleError,
    load_rules,
    needs_context,
    rule_schema,
    select,
)

__all__ = [
    "Applied",
    "Declined",
    "ExampleFailure",
    "Finding",
    "Fixed",
    "Rule",
    "RuleError",
    "StandardsReport",
    "Unsure",
    "check",
    "fix",
    "load_rules",
    "needs_context",
    "rule_schema",
    "select",
    "try_examples",
]
