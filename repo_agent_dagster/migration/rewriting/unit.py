"""Rewrite all files of a unit: configuration first, since what a tsconfig says then decides what aliases mean."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from repo_agent_dagster.contracts.migration import ImportRule
from repo_agent_dagster.migration.rewriting.aliases import ReadFile, alias_move
from repo_agent_dagster.migration.rewriting.config_entries import kind_of
from repo_agent_dagster.migration.rewriting.file import Rewriter, Rewritten
from repo_agent_dagster.migration.rewriting.resolve import Relocation
from repo_agent_dagster.migration.rewriting.rules import ImportRules
from repo_agent_dagster.migration.rewriting.specifiers import SpecifierReader
from repo_agent_dagster.migration.rewriting.typescript_reading import read_specifiers


def rewrite_unit(
    contents: Mapping[str, bytes],
    relocation: Relocation,
    rules: Sequence[ImportRule],
    reader: SpecifierReader,
    *,
    standing: ReadFile = lambda _: None,
) -> dict[str, Rewritten]:
    """Return every file that moves with its names rewritten, by its path in the unit.

    `contents` are the unit's files; `reader` finds the specifiers of TypeScript and JavaScript; `standing` reads a file
    of the target root that is not of this migration (a tsconfig that the unit's extend).

    Raises:
        SpecifiersUnread: the reader works in a sandbox, and that failed.
    """
    rewriter = Rewriter(relocation, rules, contents)
    rewritten = {path: rewriter.rewrite(path, contents[path]) for path in relocation.moved if kind_of(path) is not None}

    def as_it_will_be(path: str, content: bytes) -> bytes:
        return rewritten[path].content if path in rewritten else content

    aliases = alias_move(contents, relocation.moved, as_it_will_be, standing)
    aliased = replace(relocation, aliases=aliases)
    found = read_specifiers(contents, aliased, ImportRules(rules), reader)
    rewriter = Rewriter(aliased, rules, contents)
    for path in relocation.moved:
        if path not in rewritten:
            rewritten[path] = rewriter.rewrite(path, contents[path], found.get(path))
    return rewritten
