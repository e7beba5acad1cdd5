"""Reading the specifiers of a whole unit at once: only the files in which one could change are parsed."""

import posixpath
from collections.abc import Mapping

from repo_agent_dagster.migration.rewriting import resolve
from repo_agent_dagster.migration.rewriting.resolve import Relocation
from repo_agent_dagster.migration.rewriting.rules import ImportRules
from repo_agent_dagster.migration.rewriting.specifiers import Found, SpecifierReader, read_source
from repo_agent_dagster.migration.rewriting.typescript import SUFFIXES
from repo_agent_dagster.migration.rewriting.typescript_candidates import possible_specifiers


def read_specifiers(
    contents: Mapping[str, bytes], relocation: Relocation, rules: ImportRules, reader: SpecifierReader
) -> Mapping[str, Found]:
    """Return what each TypeScript and JavaScript file that moves holds, by its path in the unit.

    A file is not parsed, and gives nothing, where all that could be a specifier in it stays as it is: by no rule
    changed, and at the destination still the same file. Files that are no text are left out.

    Raises:
        SpecifiersUnread: the reader works in a sandbox, and that failed.
    """
    found: dict[str, Found] = {}
    texts: dict[str, str] = {}
    for path in sorted(relocation.moved):
        if posixpath.splitext(path)[1].lower() not in SUFFIXES:
            continue
        source = read_source(contents[path])
        if source is None:
            continue
        if _stays(path, source.text, relocation, rules):
            found[path] = Found()
        else:
            texts[path] = source.text
    found.update(reader.read(texts))
    return found


def _stays(path: str, text: str, relocation: Relocation, rules: ImportRules) -> bool:
    possible = possible_specifiers(text)
    return possible is not None and all(
        rules.apply(specifier, "ts") is None and resolve.rebase(specifier, path, relocation, form) == specifier
        for form, specifier in possible
    )
