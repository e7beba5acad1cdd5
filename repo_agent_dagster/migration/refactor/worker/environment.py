"""How the worker's code reaches its orchestrator binding, and the types that say that the binding is there."""

from dataclasses import dataclass, field

from repo_agent_dagster.migration.refactor.inference import known
from repo_agent_dagster.migration.refactor.inference.kinds import Handle, Instance, Kind, ModuleEnv, Shape
from repo_agent_dagster.migration.refactor.inference.members import body_of, heritage, own_member
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.syntax.project import imported
from repo_agent_dagster.migration.refactor.syntax.scopes import Declaration
from repo_agent_dagster.migration.refactor.syntax.tree import CLASSES, Node


@dataclass
class Reached:
    """What reaching the binding asks for: members of environment types, an import of `env`, global declarations."""

    bodies: dict[Node, None] = field(default_factory=dict)
    """Bodies of interfaces or object types that get the binding as a member."""
    globals: dict[str, None] = field(default_factory=dict)
    """Names of global interfaces that get it: ``Env``, ``Cloudflare.Env``."""
    modules: dict[str, str] = field(default_factory=dict)
    """For each file that imports `env`, its name there."""


class Environment:
    """Finds the binding from wherever a database was taken or opened."""

    def __init__(self, types: Types, binding: str) -> None:
        self._types, self._binding = types, binding
        self.reached = Reached()

    def expression(self, at: Node) -> str:
        """Return the expression of the binding where a node stands, as the code around it reaches its environment."""
        return self._of_class(at) or self._of_parameter(at) or self._of_module(at)

    def _of_class(self, at: Node) -> str | None:
        owner = at.enclosing(CLASSES)
        name = owner.field("name") if owner is not None else None
        declaration = self._types.project.scopes(at.file).type(name) if name is not None else None
        if owner is None or declaration is None:
            return None
        member = own_member(owner, "env", static=False)
        inherits = self._types.extends_foreign(declaration) in {"DurableObject", "WorkerEntrypoint"}
        if member is None and not inherits:
            return None
        self._declare(self._env_kind(declaration, member), self._env_name(declaration, member))
        method = next((one for one in at.ancestors() if one.kind == "method_definition"), None)
        in_constructor = (
            method is not None and (found := method.field("name")) is not None and found.text == "constructor"
        )
        if in_constructor and self._types.project.scopes(at.file).value(at, "env") is not None:
            return f"env.{self._binding}"
        return f"this.env.{self._binding}"

    def _env_kind(self, declaration: Declaration, member: Node | None) -> Kind | None:
        if member is not None:
            return self._types.property(Instance(declaration), "env")
        argument = _type_argument(declaration)
        return self._types.written(argument) if argument is not None else None

    @staticmethod
    def _env_name(declaration: Declaration, member: Node | None) -> str | None:
        node = _type_argument(declaration)
        if member is not None:
            annotation = member.field("type")
            node = annotation.parts[0] if annotation is not None and annotation.parts else node
        if node is None:
            return "Cloudflare.Env" if member is None else None
        return node.text if node.kind in {"type_identifier", "nested_type_identifier"} else None

    def _of_parameter(self, at: Node) -> str | None:
        declaration = self._types.project.scopes(at.file).value(at, "env")
        if declaration is None or declaration.kind != "parameter":
            return None
        kind = self._types.declared(declaration)
        annotation = declaration.owner.field("type")
        if not isinstance(kind, Instance | Shape) and annotation is None:
            return None
        self._declare(kind, annotation.parts[0].text if annotation is not None and annotation.parts else None)
        return f"env.{self._binding}"

    def _of_module(self, at: Node) -> str:
        self.reached.globals["Cloudflare.Env"] = None
        path = at.file.path
        if path not in self.reached.modules:
            self.reached.modules[path] = self._free_name(at)
        return f"{self.reached.modules[path]}.{self._binding}"

    def _free_name(self, at: Node) -> str:
        scopes = self._types.project.scopes(at.file)
        present = scopes.top("env")
        if present is not None and isinstance(self._types.declared(present), ModuleEnv):
            return "env"
        taken = any(node.kind in {"identifier", "shorthand_property_identifier_pattern"} and node.text == "env"
                    for node in at.file.root.walk())  # fmt: skip
        return "workerEnv" if taken else "env"

    def _declare(self, kind: Kind | None, name: str | None) -> None:
        """See to it that an environment's type has the binding."""
        body = None
        if isinstance(kind, Instance):
            body = body_of(kind.declaration.owner)
        elif isinstance(kind, Shape):
            body = kind.node
        if body is not None and body.file.path in self._types.project.unit_paths:
            self.reached.bodies[body] = None
        elif name is not None:
            self.reached.globals[name] = None

    def declare_members(self, name: str) -> list[Node]:
        """Return the members of environment types that declare a D1 binding of a name."""
        found = []
        for file in self._types.project.unit_files():
            for node in file.root.walk():
                if node.kind == "property_signature" and isinstance(self._types.written(node.field("type")), Handle):
                    key = node.field("name")
                    if key is not None and key.text == name:
                        found.append(node)
        return found

    def declares_module(self) -> bool:
        """Whether ``cloudflare:workers`` is declared by a file at hand, or by a package that the unit names."""
        needles = (b"cloudflare:workers", b"@cloudflare/workers-types", b"worker-configuration")
        for path, content in self._types.project.contents.items():
            name = path.rpartition("/")[2]
            if name.endswith(".d.ts") and needles[0] in content:
                return True
            relevant = name in {"package.json", "tsconfig.json"} and path in self._types.project.unit_paths
            if relevant and any(needle in content for needle in needles[1:]):
                return True
        return False


def _type_argument(declaration: Declaration) -> Node | None:
    for child in declaration.owner.children:
        if child.kind == "class_heritage":
            for node in child.walk():
                if node.kind == "type_arguments" and node.parts and heritage(declaration)[0]:
                    return node.parts[0]
    return None


def d1_names(types_of: Types, from_wrangler: frozenset[str]) -> frozenset[str]:
    """Return the names under which environments hold D1 databases: the wrangler file's, and those in capitals."""
    found = set(from_wrangler)
    for file in types_of.project.unit_files():
        if b"D1Database" not in types_of.project.contents[file.path]:
            continue
        for node in file.root.walk():
            name = node.field("name") if node.kind == "property_signature" else None
            if (
                name is not None
                and name.text.upper() == name.text
                and types_of.written(node.field("type")) == Handle("d1")
            ):
                found.add(name.text)
    return frozenset(found)


__all__ = ["Environment", "Reached", "d1_names", "imported", "known"]
