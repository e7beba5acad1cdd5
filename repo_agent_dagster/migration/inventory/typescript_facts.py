"""What a TypeScript or JavaScript file says of itself: comments, exports, definitions, tests, entry point, stores."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from repo_agent_dagster.migration.inventory.comments import comment_text, head_text, is_for_tools, joined_lines
from repo_agent_dagster.migration.inventory.facts import Export, ImportFact, SourceFacts
from repo_agent_dagster.migration.inventory.typescript_storage import stores_in
from repo_agent_dagster.migration.rewriting.typescript import find_specifiers

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_GRAMMARS = {".tsx": "tsx", ".js": "javascript", ".jsx": "javascript", ".mjs": "javascript", ".cjs": "javascript"}
_NAMED = frozenset(
    {
        "function_declaration", "generator_function_declaration", "class_declaration", "abstract_class_declaration",
        "interface_declaration", "type_alias_declaration", "enum_declaration", "internal_module", "module",
        "function_signature",
    }
)  # fmt: skip
_VARIABLES = frozenset({"lexical_declaration", "variable_declaration"})
_NO_IMPORTS = frozenset({"declare-module", "reference-types"})
_HANDLERS = frozenset({"fetch", "scheduled", "queue", "email", "tail", "alarm"})
_CASES = r"^(?:it|test|Deno\.test)(?:\.(?:only|skip|concurrent|each|fails|todo|failing))?$"
_MOST_NOTES = 5
_MAY_TEST = re.compile(r"\b(?:it|test)\b\s*[.(]")


def grammar_of(path: str) -> str:
    """Return the name of ast-grep's grammar for a ts, tsx, js, jsx, mts, cts, mjs or cjs file."""
    return _GRAMMARS.get(PurePosixPath(path).suffix.lower(), "typescript")


def read_facts(path: str, text: str) -> SourceFacts:
    """Return the facts of one file from its syntax tree."""
    from ast_grep_py import SgRoot  # loaded late: `migrate-staging --help` needs no parser

    found = find_specifiers(path, text)
    root = SgRoot(text, grammar_of(path)).root()
    top = _TopLevel(list(root.children()))
    stores = stores_in(root, text)
    errors = sorted({error.range().start.line + 1 for error in root.find_all(kind="ERROR")})
    notes = [f"line {line}: the parser does not understand this" for line in errors[:_MOST_NOTES]]
    notes += [f"line {one.place.line}: {one.text}: {one.reason}" for one in found.unsure if one.form != "syntax"]
    return SourceFacts(
        head=top.head,
        exports=tuple(top.exports),
        definitions=tuple(top.definitions),
        imports=tuple(
            ImportFact(f"./{one.text}" if one.form == "reference-path" else one.text, one.place.line)
            for one in found.specifiers
            if one.form not in _NO_IMPORTS
        ),
        storage=stores.uses,
        bindings=stores.bindings,
        binding_calls=stores.calls,
        test_cases=_test_cases(root) if _MAY_TEST.search(text) else 0,
        entry_point=top.entry_point or ("script" if text.startswith("#!") else None),
        notes=tuple(notes),
    )


class _TopLevel:
    """The statements of a file, read once from top to bottom."""

    def __init__(self, children: "list[SgNode]") -> None:
        self.exports: list[Export] = []
        self.definitions: list[str] = []
        self.entry_point: str | None = None
        statements = [
            (index, node) for index, node in enumerate(children) if node.kind() not in {"comment", "hash_bang_line"}
        ]
        first = statements[0][0] if statements else len(children)
        self.head = self._head(children[:first], children[first] if statements else None)
        for index, node in statements:
            self._read(node, _comment_above(children, index))

    def _head(self, before: "list[SgNode]", first: "SgNode | None") -> str | None:
        """Return the head comment; one that stands on an exported declaration, with nothing between, belongs to it."""
        comments = [
            (node.text(), node.range().start.line, node.range().end.line) for node in before if node.kind() == "comment"
        ]
        joined = joined_lines(comments)
        declares = first is not None and first.kind() == "export_statement" and first.field("declaration") is not None
        if first is not None and joined and declares and joined[-1][2] + 1 >= first.range().start.line:
            joined = joined[:-1]
        return head_text(raw for raw, _, _ in joined)

    def _read(self, node: "SgNode", comment: str | None) -> None:
        kind = node.kind()
        if kind == "export_statement":
            self._exported(node, comment)
        elif kind in _NAMED or kind in _VARIABLES or kind == "ambient_declaration":
            self.definitions += _declared(node)
        elif kind == "expression_statement":
            self._common_js(node, comment)

    def _exported(self, node: "SgNode", comment: str | None) -> None:
        declaration, value = node.field("declaration"), node.field("value")
        if declaration is not None:
            is_default = any(child.kind() == "default" for child in node.children())
            names = _declared(declaration) or (["default"] if is_default else [])
            self.exports += [Export(name, comment) for name in names]
            self._entry_of_class(declaration)
        elif value is not None:
            self.exports.append(Export(value.text() if value.kind() == "identifier" else "default", comment))
            if value.kind() == "object" and _HANDLERS & set(_keys(value)):
                self.entry_point = "worker"
        else:
            clause = next(
                (child for child in node.children() if child.kind() in {"export_clause", "namespace_export"}), None
            )
            if clause is None:
                if node.field("source") is not None:
                    self.exports.append(Export("*"))
            elif clause.kind() == "namespace_export":
                self.exports += [Export(child.text()) for child in clause.children() if child.kind() == "identifier"]
            else:
                self.exports += [Export(name) for _, name in exported_names(clause)]

    def _entry_of_class(self, declaration: "SgNode") -> None:
        if declaration.kind() != "class_declaration":
            return
        heritage = next((child for child in declaration.children() if child.kind() == "class_heritage"), None)
        if heritage is not None and re.search(r"\b(?:Base)?WorkerEntrypoint\b", heritage.text()):
            self.entry_point = "worker"

    def _common_js(self, node: "SgNode", comment: str | None) -> None:
        assignment = next((child for child in node.children() if child.kind() == "assignment_expression"), None)
        left, right = (assignment.field("left"), assignment.field("right")) if assignment is not None else (None, None)
        if left is None or right is None or left.kind() != "member_expression":
            return
        target = left.text()
        if target == "module.exports":
            names = (
                _keys(right)
                if right.kind() == "object"
                else [right.text()]
                if right.kind() == "identifier"
                else ["default"]
            )
            self.exports += [Export(name, comment) for name in names]
        elif (name := re.fullmatch(r"(?:module\.)?exports\.([\w$]+)", target)) is not None:
            self.exports.append(Export(name[1], comment))


def exported_names(clause: "SgNode") -> Iterator[tuple[str, str]]:
    """Yield the inner and the outer name of each entry of ``{ a, b as c }`` in an export."""
    for specifier in clause.children():
        if specifier.kind() == "export_specifier" and (name := specifier.field("name")) is not None:
            alias = specifier.field("alias")
            yield name.text(), (alias or name).text()


def _declared(node: "SgNode") -> list[str]:
    if node.kind() == "ambient_declaration":
        return [name for child in node.children() for name in _declared(child)]
    if node.kind() in _NAMED:
        name = node.field("name")
        return [] if name is None or name.kind() == "string" else [name.text()]
    if node.kind() not in _VARIABLES:
        return []
    names = (child.field("name") for child in node.children() if child.kind() == "variable_declarator")
    return [found for name in names if name is not None for found in _bound(name)]


def _bound(name: "SgNode") -> list[str]:
    """Return the names that a variable or a pattern such as ``{ a, b: c }`` binds."""
    if name.kind() in {"identifier", "shorthand_property_identifier_pattern"}:
        return [name.text()]
    if name.kind() == "pair_pattern":
        value = name.field("value")
        return [] if value is None else _bound(value)
    return [found for child in name.children() if child.is_named() for found in _bound(child)]


def _keys(value: "SgNode") -> list[str]:
    keys = []
    for child in value.children():
        if child.kind() == "shorthand_property_identifier":
            keys.append(child.text())
        elif child.kind() in {"pair", "method_definition"}:
            key = child.field("key") or child.field("name")
            if key is not None and key.kind() == "property_identifier":
                keys.append(key.text())
    return keys


def _comment_above(children: "list[SgNode]", index: int) -> str | None:
    """Return the comment directly above a statement, if it is meant for people."""
    lines: list[str] = []
    below = children[index].range().start.line
    for node in reversed(children[:index]):
        if node.kind() != "comment" or node.range().end.line + 1 < below or node.range().end.line == below:
            break
        if lines and not node.text().startswith("//"):
            break
        lines.insert(0, node.text())
        below = node.range().start.line
        if not node.text().startswith("//"):
            break
    text = comment_text("\n".join(lines))
    return text if text and not is_for_tools(text) else None


def _test_cases(root: "SgNode") -> int:
    return len(root.find_all(kind="call_expression", has={"field": "function", "regex": _CASES}))
