"""Which names a TypeScript or JavaScript module takes from another, and which it gives: how sure an import rule is."""

import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from repo_agent_dagster.migration.inventory.typescript_facts import grammar_of, read_facts
from repo_agent_dagster.migration.rewriting import resolve, typescript

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_DEEPEST = 5
_PATTERN_NAMES = frozenset({"shorthand_property_identifier_pattern", "pair_pattern"})


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
        for specifier, names in _required(statement):
            taken.setdefault(specifier, set()).update(names)
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


class GivenNames:
    """The names that the modules of a tree export; each module is read once."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self._known: dict[str, frozenset[str] | None] = {}

    def of(self, path: str, depth: int = _DEEPEST) -> frozenset[str] | None:
        """Return the names that a module exports, with those that it passes on; None where that cannot be known."""
        if path not in self._known:
            self._known[path] = None  # modules that pass on each other's names end here
            self._known[path] = self._read(path, depth)
        return self._known[path]

    def _read(self, path: str, depth: int) -> frozenset[str] | None:
        text = self._modules.text(path)
        if text is None or posixpath.splitext(path)[1].lower() not in typescript.SUFFIXES or depth < 0:
            return None
        names = {export.name for export in read_facts(path, text).exports}
        for specifier in _passed_on(path, text) if "*" in names else ():
            target = resolve.resolves(specifier, path, self._modules) if resolve.is_relative(specifier) else None
            passed_on = None if target is None else self.of(target, depth - 1)
            if passed_on is None:
                return None
            names |= passed_on - {"default"}
        return frozenset(names - {"*"})


def _passed_on(path: str, text: str) -> Iterator[str]:
    """Yield the specifiers of ``export * from …``."""
    from ast_grep_py import SgRoot

    for statement in SgRoot(text, grammar_of(path)).root().children():
        source = statement.field("source") if statement.kind() == "export_statement" else None
        kinds = {child.kind() for child in statement.children()}
        if source is not None and not kinds & {"export_clause", "namespace_export"}:
            yield source.text()[1:-1]


def _required(statement: "SgNode") -> Iterator[tuple[str, set[str]]]:
    """Yield the specifier and the names of ``const { a, b: c } = require('x')``."""
    if statement.kind() not in {"lexical_declaration", "variable_declaration"}:
        return
    for declarator in statement.children():
        pattern, call = declarator.field("name"), declarator.field("value")
        function = None if call is None or call.kind() != "call_expression" else call.field("function")
        if pattern is None or call is None or function is None or function.text() != "require":
            continue
        arguments = call.field("arguments")
        strings = [] if arguments is None else [one for one in arguments.children() if one.kind() == "string"]
        if strings and pattern.kind() == "object_pattern":
            keys = (child.field("key") or child for child in pattern.children() if child.kind() in _PATTERN_NAMES)
            yield strings[0].text()[1:-1], {key.text() for key in keys}


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
