"""Which names a TypeScript or JavaScript module takes from another, and which it gives: how sure an import rule is."""

import posixpath
from typing import TYPE_CHECKING, Protocol

from repo_agent_dagster.migration.inventory.typescript_facts import grammar_of, read_facts
from repo_agent_dagster.migration.rewriting import resolve, typescript

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_DEEPEST = 5


class Modules(Protocol):
    """A tree of files that can be asked for a path and for a text."""

    def __contains__(self, path: object, /) -> bool:
        """Return whether a file stands at the path."""
        ...

    def text(self, path: str) -> str | None:
        """Return the text of the file at a path, or None."""
        ...


def names_taken(path: str, text: str) -> dict[str, frozenset[str]]:
    """Return the names that a file takes from each specifier; an import as a whole (``* as x``) takes none by name."""
    from ast_grep_py import SgRoot

    taken: dict[str, set[str]] = {}
    for statement in SgRoot(text, grammar_of(path)).root().children():
        source = statement.field("source") if statement.kind() in {"import_statement", "export_statement"} else None
        if source is None:
            continue
        names = taken.setdefault(source.text()[1:-1], set())
        for child in statement.children():
            if child.kind() == "import_clause":
                names.update(_clause_names(child))
            elif child.kind() == "export_clause":
                names.update(_specifier_names(child, "export_specifier"))
    return {specifier: frozenset(names) for specifier, names in taken.items()}


def names_given(path: str, modules: Modules, depth: int = _DEEPEST) -> frozenset[str] | None:
    """Return the names that a module exports, with those that it passes on; None where that cannot be known."""
    from ast_grep_py import SgRoot

    text = modules.text(path)
    if text is None or posixpath.splitext(path)[1].lower() not in typescript.SUFFIXES or depth < 0:
        return None
    names = {export.name for export in read_facts(path, text).exports}
    if "*" not in names:
        return frozenset(names)
    for statement in SgRoot(text, grammar_of(path)).root().children():
        source = statement.field("source") if statement.kind() == "export_statement" else None
        kinds = {child.kind() for child in statement.children()}
        if source is None or kinds & {"export_clause", "namespace_export"}:
            continue
        specifier = source.text()[1:-1]
        target = resolve.resolves(specifier, path, modules) if resolve.is_relative(specifier) else None
        passed_on = None if target is None else names_given(target, modules, depth - 1)
        if passed_on is None:
            return None
        names |= passed_on - {"default"}
    return frozenset(names - {"*"})


def _clause_names(clause: "SgNode") -> set[str]:
    names: set[str] = set()
    for child in clause.children():
        if child.kind() == "identifier":
            names.add("default")
        elif child.kind() == "named_imports":
            names |= _specifier_names(child, "import_specifier")
    return names


def _specifier_names(clause: "SgNode", kind: str) -> set[str]:
    fields = (child.field("name") for child in clause.children() if child.kind() == kind)
    return {name.text() for name in fields if name is not None}
