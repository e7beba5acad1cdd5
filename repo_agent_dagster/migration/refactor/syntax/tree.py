"""A source file as a tree whose nodes know their parents, from ast-grep's parser (tree-sitter)."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from repo_agent_dagster.migration.refactor.model import CallSite
from repo_agent_dagster.migration.rewriting.specifiers import SourceText, read_source

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_LANGUAGES = {
    ".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".tsx": "tsx", ".jsx": "javascript",
    ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript",
}  # fmt: skip
FUNCTIONS = frozenset(
    {
        "function_declaration",
        "function_expression",
        "arrow_function",
        "method_definition",
        "generator_function",
        "generator_function_declaration",
    }
)
CLASSES = frozenset({"class_declaration", "class", "abstract_class_declaration"})
WRAPPERS = frozenset({"parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression"})


class Node:
    """One node of a tree: its kind, its span in characters, its parent and children. Compared by identity."""

    __slots__ = ("_fields", "_sg", "children", "end", "file", "kind", "named", "parent", "start")

    def __init__(self, file: "SourceFile", sg: "SgNode", parent: "Node | None") -> None:
        span = sg.range()
        self.file, self._sg, self.parent = file, sg, parent
        self.kind: str = sg.kind()
        self.named: bool = sg.is_named()
        self.start, self.end = span.start.index, span.end.index
        self.children: list[Node] = []
        self._fields: dict[str, Node] | None = None

    def grow(self) -> "Node":
        """Make all nodes below this one; return it. A loop, since trees can be deeper than Python's stack."""
        made = [self]
        for node in made:
            node.children = [Node(node.file, child, node) for child in node._sg.children()]
            made += node.children
        for node in reversed(made):
            if node.kind == "call_expression" and node.children and node.children[0].kind == "await_expression":
                node._await_the_call()
        return self

    def _await_the_call(self) -> None:
        """Read ``await call<T>(…)`` as what it is: the parser takes it for ``(await call)<T>(…)``."""
        awaited, rest = self.children[0], self.children[1:]
        operand = awaited.children[-1]
        call = object.__new__(Node)
        call.file, call._sg, call.parent, call.kind, call.named = self.file, self._sg, self, "call_expression", True
        call.start, call.end = operand.start, self.end
        call.children = [operand, *rest]
        call._fields = {"function": operand, **{one.kind: one for one in rest if one.named}}
        for one in call.children:
            one.parent = call
        keyword = awaited.children[0]
        keyword.parent = self
        self.kind, self.children, self._fields = "await_expression", [keyword, call], {}

    @property
    def text(self) -> str:
        """The node's source text."""
        return self.file.text[self.start : self.end]

    def field(self, name: str) -> "Node | None":
        """Return the child in a field of the grammar, or None."""
        if self._fields is not None:
            return self._fields.get(name)
        found = self._sg.field(name)
        if found is None:
            return None
        span, kind = found.range(), found.kind()
        start, end = span.start.index, span.end.index
        return next(
            (child for child in self.children if child.start == start and child.end == end and child.kind == kind), None
        )

    def child(self, *kinds: str) -> "Node | None":
        """Return the first child of one of these kinds, or None."""
        return next((child for child in self.children if child.kind in kinds), None)

    @property
    def parts(self) -> list["Node"]:
        """The named children, without comments."""
        return [child for child in self.children if child.named and child.kind != "comment"]

    def walk(self) -> Iterator["Node"]:
        """Yield the node and all below it, in the order of the text."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.children)

    def ancestors(self) -> Iterator["Node"]:
        """Yield the parent, its parent and so on up to the root."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def enclosing(self, kinds: frozenset[str]) -> "Node | None":
        """Return the nearest node above of one of these kinds."""
        return next((node for node in self.ancestors() if node.kind in kinds), None)

    @property
    def function(self) -> "Node | None":
        """The function, method or arrow function that the node stands in."""
        return self.enclosing(FUNCTIONS)

    def holds(self, other: "Node") -> bool:
        """Whether the other node stands in this one."""
        return self.file is other.file and self.start <= other.start and other.end <= self.end

    @property
    def site(self) -> CallSite:
        """Where the node begins."""
        return self.file.site(self.start)


class SourceFile:
    """One TypeScript or JavaScript file: its text, its tree, and how to write it back."""

    def __init__(self, path: str, source: SourceText) -> None:
        self.path, self.source, self.text = path, source, source.text

    @cached_property
    def root(self) -> Node:
        """The root of the tree; the file is parsed when it is first asked for."""
        from ast_grep_py import SgRoot  # loaded late: a unit without databases needs no parser

        language = _LANGUAGES[PurePosixPath(self.path).suffix.lower()]
        return Node(self, SgRoot(self.text, language).root(), None).grow()

    @property
    def typed(self) -> bool:
        """Whether the file can hold types."""
        return self.path.lower().endswith((".ts", ".tsx", ".mts", ".cts"))

    @property
    def declares_only(self) -> bool:
        """Whether the file is a declaration file, which holds no code."""
        return self.path.lower().endswith((".d.ts", ".d.mts", ".d.cts"))

    @cached_property
    def newline(self) -> str:
        """The line end that most lines of the file have."""
        return "\r\n" if self.text.count("\r\n") * 2 > self.text.count("\n") else "\n"

    @cached_property
    def error(self) -> Node | None:
        """The first place that the parser does not understand."""
        return next((node for node in self.root.walk() if node.kind == "ERROR"), None)

    def site(self, offset: int) -> CallSite:
        """Return the place of a character."""
        before = self.text[:offset]
        return CallSite(self.path, before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)

    def indent_at(self, offset: int) -> str:
        """Return the white space that the line of a character begins with."""
        start = self.text.rfind("\n", 0, offset) + 1
        line = self.text[start:offset]
        return line[: len(line) - len(line.lstrip())]


def is_source(path: str) -> bool:
    """Whether a file is TypeScript or JavaScript, by its ending."""
    return PurePosixPath(path).suffix.lower() in _LANGUAGES


def read_file(path: str, content: bytes) -> SourceFile | None:
    """Return a file as source, or None for one that is no text."""
    source = read_source(content)
    return None if source is None or source.encoding != "utf-8" else SourceFile(path, source)


def unwrapped(node: Node) -> Node:
    """Return the expression inside parentheses, casts and ``!``."""
    while node.kind in WRAPPERS and node.parts:
        node = node.parts[0]
    return node


def wrapping(node: Node) -> Node:
    """Return the outermost of the parentheses, casts and ``!`` around an expression."""
    while node.parent is not None and node.parent.kind in WRAPPERS and node.parent.parts[0] is node:
        node = node.parent
    return node


def arguments(call: Node) -> list[Node]:
    """Return the arguments of a call or of ``new``."""
    found = call.field("arguments")
    return [] if found is None or found.kind != "arguments" else found.parts


def member(node: Node) -> tuple[Node, str] | None:
    """Return the object and the property's name of ``object.name``, or None for another expression."""
    if node.kind != "member_expression":
        return None
    owner, name = node.field("object"), node.field("property")
    return None if owner is None or name is None else (owner, name.text)


def called_member(call: Node) -> tuple[Node, str] | None:
    """Return the object and the method's name of ``object.name(…)``, or None for another expression."""
    if call.kind != "call_expression":
        return None
    function = call.field("function")
    return None if function is None else member(function)
