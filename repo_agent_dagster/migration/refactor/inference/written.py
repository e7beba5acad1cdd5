"""What a type, as it is written, stands for: the part of `Types` that reads annotations."""

from collections.abc import Iterator

from repo_agent_dagster.migration.refactor.inference import known
from repo_agent_dagster.migration.refactor.inference.contexts import Contexts
from repo_agent_dagster.migration.refactor.inference.kinds import (
    Callable,
    Foreign,
    Instance,
    Keyed,
    Kind,
    Listed,
    Plain,
    Promised,
    Shape,
    plain,
)
from repo_agent_dagster.migration.refactor.syntax.project import imported
from repo_agent_dagster.migration.refactor.syntax.scopes import Declaration
from repo_agent_dagster.migration.refactor.syntax.tree import Node

_LISTS = frozenset({"Array", "ReadonlyArray", "Set", "ReadonlySet", "Iterable", "IterableIterator", "AsyncIterable"})
_MAPS = frozenset({"Map", "ReadonlyMap", "Record", "WeakMap"})
_SAME = frozenset({"Readonly", "Required", "Awaited", "NonNullable", "Partial", "Omit", "Pick"})


class Written(Contexts):
    """Reads written types."""

    def written(self, node: Node | None) -> Kind | None:
        """Return what a type, as it is written, stands for."""
        if node is None:
            return None
        if node.kind in {"type_annotation", "parenthesized_type", "readonly_type"}:
            return self.written(node.parts[0]) if node.parts else None
        if node.kind in {"predefined_type", "literal_type"}:
            return self._literal_type(node)
        if node.kind == "template_literal_type":
            return plain("string")
        if node.kind == "array_type":
            return Listed(self.written(node.parts[0]))
        if node.kind == "tuple_type":
            return Listed(None)
        if node.kind == "object_type":
            return Shape(node)
        if node.kind in {"function_type", "constructor_type"}:
            return Callable(node)
        if node.kind == "union_type":
            return self._union([self.written(part) for part in _union_parts(node)])
        if node.kind == "generic_type":
            return self._generic(node)
        if node.kind == "type_identifier":
            return self._named_type(node)
        if node.kind == "nested_type_identifier":
            return self._nested_type(node)
        if node.kind == "type_query":
            name = node.child("identifier")
            return self.of(name) if name is not None else None
        return None

    def _literal_type(self, node: Node) -> Kind | None:
        text = node.text
        if text in known.PREDEFINED:
            return known.PREDEFINED[text]
        if text[:1] in {"'", '"', "`"}:
            return plain("string")
        return plain("number") if text[:1].isdigit() or text[:1] == "-" else None

    def _union(self, kinds: list[Kind | None]) -> Kind | None:
        empty = frozenset({"null", "undefined"})
        rest = [kind for kind in kinds if not (isinstance(kind, Plain) and kind.names <= empty)]
        if all(isinstance(kind, Plain) for kind in rest):
            return Plain(frozenset(name for kind in kinds if isinstance(kind, Plain) for name in kind.names))
        return rest[0] if len(rest) == 1 else None

    def _generic(self, node: Node) -> Kind | None:
        name = node.field("name") or node.parts[0]
        given = node.child("type_arguments")
        parts = given.parts if given is not None else []
        if name.kind == "type_identifier" and self.project.scopes(node.file).type(name) is None:
            if name.text in {"Promise", "PromiseLike"}:
                return Promised(self.written(parts[0]) if parts else None)
            if name.text in _LISTS:
                return Listed(self.written(parts[0]) if parts else None)
            if name.text in _MAPS:
                return Keyed(self.written(parts[1]) if len(parts) > 1 else None)
            if name.text in _SAME and parts:
                return self.written(parts[0])
        return self.written(name)

    def _named_type(self, node: Node) -> Kind | None:
        declaration = self.project.type(node)
        if declaration is None:
            return known.GLOBAL_TYPES.get(node.text) or Foreign(node.text)
        if declaration.kind == "import":
            return known.imported_type(*imported(declaration))
        if declaration.kind == "alias":
            return self._once(declaration.owner, lambda: self._alias(declaration), about="alias")
        if declaration.kind in {"class", "interface"}:
            return Instance(declaration)
        return None

    def _alias(self, declaration: Declaration) -> Kind | None:
        value = declaration.owner.field("value")
        return self.written(value)

    def _nested_type(self, node: Node) -> Kind | None:
        module, name = node.field("module"), node.field("name")
        if module is None or name is None:
            return None
        declaration = self.project.scopes(node.file).type(module, module.text)
        if declaration is None or declaration.kind != "import":
            return None
        source, _ = imported(declaration)
        api = known.DATABASE_MODULES.get(source)
        return known.nested_type(api, name.text) if api is not None else known.imported_type(source, name.text)


def _union_parts(node: Node) -> Iterator[Node]:
    for part in node.parts:
        if part.kind == "union_type":
            yield from _union_parts(part)
        else:
            yield part
