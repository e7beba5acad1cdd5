"""The members of environment types: `DB: D1Database` goes, the orchestrator binding comes."""

from collections.abc import Callable as Function
from collections.abc import Iterable
from dataclasses import dataclass

from repo_agent_dagster.migration.refactor.inference.kinds import Handle
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.syntax.edits import Edits
from repo_agent_dagster.migration.refactor.syntax.tree import Node, SourceFile
from repo_agent_dagster.migration.refactor.worker.environment import Environment
from repo_agent_dagster.migration.refactor.worker.imports import relative_specifier


@dataclass(frozen=True)
class Binding:
    """How the worker names its orchestrator: the binding, its TypeScript type, and the file that declares the type."""

    name: str
    interface: str
    contract: str


class Members:
    """Writes the binding into environment types. `moved` are the files whose databases move, `typed` collects files
    that name the binding's type.
    """

    def __init__(
        self,
        types: Types,
        binding: Binding,
        environment: Environment,
        edits_of: Function[[SourceFile], Edits],
        moved: frozenset[str],
        typed: dict[str, None],
    ) -> None:
        self._types, self._binding, self._environment = types, binding, environment
        self._edits_of, self._moved, self._typed = edits_of, moved, typed
        self._done: set[Node] = set()

    def declare(self, bodies: Iterable[Node], taken: Iterable[str]) -> None:
        """Put the binding in the place of each database that was taken, or beside it where a file still uses it."""
        wanted = dict.fromkeys(bodies)
        for name in sorted(taken):
            for member in self._environment.declare_members(name):
                body = member.parent
                if body is None:
                    continue
                if self._is_left(name):
                    wanted[body] = None
                elif self._has(body):
                    self._edits_of(member.file).remove_statement(member)
                else:
                    self._replace(member)
                    self._done.add(body)
        for body in wanted:
            if not self._has(body):
                self._add(body)

    def _has(self, body: Node) -> bool:
        return body in self._done or any(
            (name := one.field("name")) is not None and name.text == self._binding.name for one in body.parts
        )

    def _is_left(self, name: str) -> bool:
        """Whether a file that stays as it is uses the database of a name."""
        for file in self._types.project.unit_sources():
            if file.path in self._moved or name not in file.text:
                continue
            for node in file.root.walk():
                found = node.field("property") if node.kind == "member_expression" else None
                if found is not None and found.text == name and isinstance(self._types.of(node), Handle):
                    return True
        return False

    def _replace(self, member: Node) -> None:
        edits, name, annotation = self._edits_of(member.file), member.field("name"), member.field("type")
        if name is not None and annotation is not None and annotation.parts:
            edits.replace_node(name, self._binding.name)
            edits.replace_node(annotation.parts[0], self._interface_in(member.file))

    def _add(self, body: Node) -> None:
        file, text = body.file, f"{self._binding.name}: {self._interface_in(body.file)}"
        edits = self._edits_of(file)
        self._done.add(body)
        if not body.parts:
            edits.replace_node(body, f"{{ {text} }}")
            return
        last = body.parts[-1]
        after = file.text[last.end : last.end + 1]
        has_separator = after in {";", ","}
        separator = after if has_separator else ";"
        one_line = "\n" not in body.text
        lead = " " if one_line else file.newline + file.indent_at(last.start)
        tail = "" if one_line else separator
        edits.insert(last.end + has_separator, ("" if has_separator else separator) + lead + text + tail)

    def _interface_in(self, file: SourceFile) -> str:
        """Return the binding's type as a file can name it: a global declaration file cannot import."""
        if any(one.kind in {"import_statement", "export_statement"} for one in file.root.children):
            self._typed[file.path] = None
            return self._binding.interface
        specifier = relative_specifier(self._binding.contract, file, self._types.project)
        return f"import('{specifier}').{self._binding.interface}"
