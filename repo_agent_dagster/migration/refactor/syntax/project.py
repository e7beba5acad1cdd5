"""The unit's source files together: what an import means, and who exports a name."""

import posixpath
from collections.abc import Iterator, Mapping
from functools import cached_property

from repo_agent_dagster.migration.inventory.package_entries import Packages, file_of_import, package_of, packages_among
from repo_agent_dagster.migration.jsonc import data_in
from repo_agent_dagster.migration.refactor.syntax.scopes import Declaration, Scopes
from repo_agent_dagster.migration.refactor.syntax.tree import Node, SourceFile, is_source, read_file
from repo_agent_dagster.migration.rewriting import resolve
from repo_agent_dagster.migration.rewriting.aliases import Aliases, is_config, read_aliases


class Project:
    """Source files by path: those of the unit, which may change, and those of the target, which are read for types."""

    def __init__(self, unit_files: Mapping[str, bytes], target_files: Mapping[str, bytes]) -> None:
        self.contents = {**target_files, **unit_files}
        self.unit_paths = frozenset(unit_files)
        self._files: dict[str, SourceFile | None] = {}
        self._scopes: dict[str, Scopes] = {}

    def unit_files(self) -> Iterator[SourceFile]:
        """Yield all of the unit's source files, declarations too, by path."""
        for path in sorted(self.unit_paths):
            file = self.file(path)
            if file is not None:
                yield file

    def unit_sources(self) -> Iterator[SourceFile]:
        """Return the unit's source files that hold code, by path."""
        return (file for file in self.unit_files() if not file.declares_only)

    def file(self, path: str) -> SourceFile | None:
        """Return a source file, or None where there is none or it is no text."""
        if path not in self._files:
            content = self.contents.get(path) if is_source(path) else None
            self._files[path] = None if content is None else read_file(path, content)
        return self._files[path]

    def scopes(self, file: SourceFile) -> Scopes:
        """Return the scopes of a file."""
        if file.path not in self._scopes:
            self._scopes[file.path] = Scopes(file)
        return self._scopes[file.path]

    def resolve(self, specifier: str, importer: str) -> str | None:
        """Return the file that an import means, by relative path, tsconfig `paths` or a package's name."""
        if resolve.is_relative(specifier):
            return resolve.resolves(specifier, importer, self.contents)
        for _, place in self._aliases.places(specifier, importer):
            if (found := self._at(place)) is not None:
                return found
        return self._package(specifier)

    def _at(self, path: str) -> str | None:
        if path in self.contents:
            return path
        folder, name = posixpath.split(path)
        return resolve.resolves(f"./{name}", posixpath.join(folder, "_.ts"), self.contents)

    @cached_property
    def _aliases(self) -> Aliases:
        return read_aliases({posixpath.dirname(path) for path in self.contents if is_config(path)}, self.contents.get)

    @cached_property
    def _packages(self) -> Packages:
        return packages_among(self.contents, lambda path: data_in(self.contents[path]))

    def _package(self, specifier: str) -> str | None:
        name, rest = package_of(specifier)
        if name not in self._packages:
            return None
        folder, description = self._packages[name]
        return file_of_import(description, folder, rest, self.contents)

    def value(self, node: Node, name: str | None = None) -> Declaration | None:
        """Return what a name means as a value, followed through imports where they lead to a file that is known."""
        return self.origin(self.scopes(node.file).value(node, name), types=False)

    def type(self, node: Node, name: str | None = None) -> Declaration | None:
        """Return what a name means as a type, followed through imports."""
        return self.origin(self.scopes(node.file).type(node, name), types=True)

    def origin(self, declaration: Declaration | None, *, types: bool) -> Declaration | None:
        """Return the declaration that an import brings in; the import itself, where its file is not known."""
        seen = 0
        while declaration is not None and declaration.kind == "import" and seen < 20:
            seen += 1
            source, name = imported(declaration)
            path = self.resolve(source, declaration.file.path) if source else None
            if path is None or name == "*":
                return declaration
            found = self.exported(path, name, types=types)
            if found is None:
                return declaration
            declaration = found
        return declaration

    def exported(self, path: str, name: str, *, types: bool, depth: int = 0) -> Declaration | None:
        """Return what a file exports under a name, followed through its own re-exports."""
        file = self.file(path)
        if file is None or depth > 20:
            return None
        scopes = self.scopes(file)
        stars: list[str] = []
        for statement in file.root.children:
            if statement.kind != "export_statement":
                continue
            source = statement.field("source")
            target = self.resolve(source.text[1:-1], path) if source is not None else None
            clause = statement.child("export_clause")
            space = statement.child("namespace_export")
            if space is not None:
                if space.parts and space.parts[0].text == name and not types:
                    return Declaration(name, "namespace", space.parts[0], statement)
            elif clause is not None:
                for one in clause.parts:
                    inner, outer = one.field("name"), one.field("alias") or one.field("name")
                    if inner is None or outer is None or outer.text != name:
                        continue
                    if source is not None:
                        return self.exported(target, inner.text, types=types, depth=depth + 1) if target else None
                    return scopes.top(inner.text, types=types)
            elif source is not None and target is not None:
                stars.append(target)
            elif name == "default" and statement.child("default") is not None:
                value = statement.field("value") or statement.field("declaration")
                if value is not None and value.kind == "identifier":
                    return scopes.top(value.text, types=types)
                named = value.field("name") if value is not None else None
                return scopes.top(named.text, types=types) if named is not None else None
            elif (found := self._declared_in(statement, scopes, name, types)) is not None:
                return found
        for target in stars:
            found = self.exported(target, name, types=types, depth=depth + 1)
            if found is not None:
                return found
        return None

    @staticmethod
    def _declared_in(statement: Node, scopes: Scopes, name: str, types: bool) -> Declaration | None:
        found = scopes.top(name, types=types)
        return found if found is not None and statement.holds(found.node) else None


def imported(declaration: Declaration) -> tuple[str, str]:
    """Return the specifier that a name is imported from, and its name there ("default", "*" for a namespace)."""
    owner = declaration.owner
    statement = owner if owner.kind == "import_statement" else owner.enclosing(frozenset({"import_statement"}))
    source = statement.field("source") if statement is not None else None
    if owner.kind == "import_require_clause":
        source = owner.field("source") or owner.child("string")
    specifier = "" if source is None else source.text[1:-1]
    if owner.kind == "import_specifier":
        name = owner.field("name")
        return specifier, "" if name is None else name.text.strip("'\"")
    return specifier, "default" if owner.kind == "import_clause" else "*"
