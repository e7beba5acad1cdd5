"""Which declaration a name means: lexical scopes of values and of types, with shadowing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from repo_agent_dagster.migration.refactor.syntax.tree import CLASSES, FUNCTIONS, Node, SourceFile

DeclarationKind = Literal[
    "variable", "parameter", "function", "class", "import", "interface", "alias", "enum", "loop", "catch", "namespace"
]
Step = str | int
_TYPES: frozenset[DeclarationKind] = frozenset({"class", "import", "interface", "alias", "enum", "namespace"})
_NO_VALUES: frozenset[DeclarationKind] = frozenset({"interface", "alias"})
_BLOCKS = frozenset(
    {
        "program",
        "statement_block",
        "for_statement",
        "for_in_statement",
        "catch_clause",
        "switch_body",
        "class_static_block",
    }
)
_REFERENCES = frozenset({"identifier", "shorthand_property_identifier", "type_identifier"})


@dataclass(frozen=True, eq=False)
class Declaration:
    """A name that a file declares. `node` is the name, `owner` the declarator, parameter, function, class or import.

    `path` is the way from the owner's value to the name's, for destructuring: ``const { a: [b] } = x`` gives b the
    path ("a", 0); None where it cannot be followed (a rest element).
    """

    name: str
    kind: DeclarationKind
    node: Node
    owner: Node
    path: tuple[Step, ...] | None = ()

    @property
    def file(self) -> SourceFile:
        """The file that declares it."""
        return self.node.file


class Scopes:
    """The scopes of one file."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self._values: dict[int, dict[str, Declaration]] = {}
        self._types: dict[int, dict[str, Declaration]] = {}
        self._references: dict[str, list[Node]] | None = None

    def value(self, node: Node, name: str | None = None) -> Declaration | None:
        """Return what a name means as a value where the node stands; None for a global or an unknown name."""
        return self._find(node, node.text if name is None else name, types=False)

    def type(self, node: Node, name: str | None = None) -> Declaration | None:
        """Return what a name means as a type where the node stands."""
        return self._find(node, node.text if name is None else name, types=True)

    def top(self, name: str, *, types: bool = False) -> Declaration | None:
        """Return what the file declares under a name at its top level."""
        return self._scope(self.file.root, types=types).get(name)

    def references(self, declaration: Declaration) -> list[Node]:
        """Return every place in the declaring file that means the declaration, without the declaration itself."""
        if self._references is None:
            self._references = {}
            for node in self.file.root.walk():
                if node.kind in _REFERENCES:
                    self._references.setdefault(node.text, []).append(node)
        return [
            node
            for node in self._references.get(declaration.name, ())
            if node is not declaration.node
            and (self.value(node) is declaration if node.kind != "type_identifier" else self.type(node) is declaration)
        ]

    def _find(self, node: Node, name: str, *, types: bool) -> Declaration | None:
        for scope in node.ancestors():
            if scope.kind in _BLOCKS or scope.kind in FUNCTIONS or scope.kind in CLASSES:
                found = self._scope(scope, types=types).get(name)
                if found is not None:
                    return found
        return None

    def _scope(self, scope: Node, *, types: bool) -> dict[str, Declaration]:
        if id(scope) not in self._values:
            found = list(_declared(scope))
            self._values[id(scope)] = {one.name: one for one in reversed(found) if one.kind not in _NO_VALUES}
            self._types[id(scope)] = {one.name: one for one in reversed(found) if one.kind in _TYPES}
        return (self._types if types else self._values)[id(scope)]


def _declared(scope: Node) -> Iterator[Declaration]:
    if scope.kind in FUNCTIONS:
        yield from _parameters(scope)
        body = scope.field("body")
        if body is not None:
            yield from _hoisted(body)
        name = scope.field("name")
        if scope.kind == "function_expression" and name is not None:
            yield Declaration(name.text, "function", name, scope)
        return
    if scope.kind in CLASSES:
        name = scope.field("name")
        if scope.kind == "class" and name is not None:
            yield Declaration(name.text, "class", name, scope)
        return
    if scope.kind == "for_statement":
        initializer = scope.field("initializer")
        if initializer is not None:
            yield from _of_statement(initializer)
        return
    if scope.kind == "for_in_statement":
        left = scope.field("left")
        if left is not None and any(child.kind in {"const", "let", "var"} for child in scope.children):
            yield from bound(left, scope, "loop")
        return
    if scope.kind == "catch_clause":
        parameter = scope.field("parameter")
        if parameter is not None:
            yield from bound(parameter, scope, "catch")
        return
    for statement in scope.children:
        for one in statement.children if statement.kind in {"switch_case", "switch_default"} else (statement,):
            yield from _of_statement(one)
    if scope.kind == "program":
        yield from _hoisted(scope)


def _of_statement(statement: Node) -> Iterator[Declaration]:
    if statement.kind in {"export_statement", "ambient_declaration"}:
        for child in statement.children:
            yield from _of_statement(child)
    elif statement.kind in {"lexical_declaration", "variable_declaration"}:
        for declarator in statement.children:
            name = declarator.field("name") if declarator.kind == "variable_declarator" else None
            if name is not None:
                yield from bound(name, declarator, "variable")
    elif statement.kind in {"function_declaration", "generator_function_declaration", "function_signature"}:
        yield from _named(statement, "function")
    elif statement.kind in CLASSES:
        yield from _named(statement, "class")
    elif statement.kind == "interface_declaration":
        yield from _named(statement, "interface")
    elif statement.kind == "type_alias_declaration":
        yield from _named(statement, "alias")
    elif statement.kind == "enum_declaration":
        yield from _named(statement, "enum")
    elif statement.kind == "import_statement":
        yield from _imported(statement)


def _named(node: Node, kind: DeclarationKind) -> Iterator[Declaration]:
    name = node.field("name")
    if name is not None:
        yield Declaration(name.text, kind, name, node)


def _imported(statement: Node) -> Iterator[Declaration]:
    for node in statement.walk():
        if node.kind == "import_specifier":
            local = node.field("alias") or node.field("name")
            if local is not None:
                yield Declaration(local.text, "import", local, node)
        elif node.kind == "namespace_import" or (node.kind == "import_require_clause") or node.kind == "import_clause":
            local = node.child("identifier")
            if local is not None:
                yield Declaration(local.text, "import", local, node)


def _hoisted(body: Node) -> Iterator[Declaration]:
    """Yield what ``var`` declares in blocks below; it belongs to the function."""
    for child in body.children:
        if child.kind in FUNCTIONS or child.kind in CLASSES:
            continue
        if child.kind == "variable_declaration" and body.kind != "program":
            yield from _of_statement(child)
        yield from _hoisted(child)


def _parameters(function: Node) -> Iterator[Declaration]:
    single = function.field("parameter")
    if single is not None:
        yield Declaration(single.text, "parameter", single, single)
    for parameter in parameters(function):
        if parameter is not single:
            pattern = parameter.field("pattern") or parameter
            if pattern.kind != "this":
                yield from bound(pattern, parameter, "parameter")


def parameters(function: Node) -> list[Node]:
    """Return a function's parameters: TypeScript's parameter nodes, or JavaScript's patterns."""
    single = function.field("parameter")
    if single is not None:
        return [single]
    found = function.field("parameters") or function.child("formal_parameters")
    return [] if found is None else found.parts


def bound(
    pattern: Node, owner: Node, kind: DeclarationKind, path: tuple[Step, ...] | None = ()
) -> Iterator[Declaration]:
    """Yield the names that a pattern binds, each with its way from the owner's value."""
    if pattern.kind in {"identifier", "shorthand_property_identifier_pattern"}:
        if pattern.kind == "shorthand_property_identifier_pattern":
            path = None if path is None else (*path, pattern.text)
        yield Declaration(pattern.text, kind, pattern, owner, path)
    elif pattern.kind in {"assignment_pattern", "object_assignment_pattern"}:
        left = pattern.field("left")
        if left is not None:
            yield from bound(left, owner, kind, path)
    elif pattern.kind == "rest_pattern":
        for part in pattern.parts:
            yield from bound(part, owner, kind, None)
    elif pattern.kind == "object_pattern":
        for part in pattern.parts:
            if part.kind == "pair_pattern":
                key, value = part.field("key"), part.field("value")
                if key is not None and value is not None:
                    plain = key.kind in {"property_identifier", "string"}
                    step = key.text.strip("'\"")
                    yield from bound(value, owner, kind, (*path, step) if plain and path is not None else None)
            else:
                yield from bound(part, owner, kind, path)
    elif pattern.kind == "array_pattern":
        position = 0
        for part in pattern.children:
            if part.kind == ",":
                position += 1
            elif part.named and part.kind != "comment":
                yield from bound(part, owner, kind, None if path is None else (*path, position))
