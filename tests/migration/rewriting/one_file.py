"""One file of a unit rewritten by itself: what stands around it does not matter to the test."""

from collections.abc import Sequence

from repo_agent_dagster.contracts.migration import ImportRule
from repo_agent_dagster.migration.rewriting.file import Rewriter, Rewritten
from repo_agent_dagster.migration.rewriting.resolve import Relocation
from repo_agent_dagster.migration.rewriting.specifiers import Found


def rewrite_file(
    path: str, content: bytes, relocation: Relocation, rules: Sequence[ImportRule], found: Found | None = None
) -> Rewritten:
    return Rewriter(relocation, rules, {path: content}).rewrite(path, content, found)
