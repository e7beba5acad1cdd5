"""What a Python file says of itself: docstring, public names, imports, tests, entry point, stores; by `ast`."""

import ast
import re
import warnings
from collections.abc import Iterator

from repo_agent_dagster.migration.inventory.comments import head_text
from repo_agent_dagster.migration.inventory.facts import Export, ImportFact, SourceFacts
from repo_agent_dagster.migration.inventory.model import StorageUse
from repo_agent_dagster.migration.inventory.sql_text import is_statement, told

DRIVERS = {
    "sqlite3": "sqlite", "aiosqlite": "sqlite", "apsw": "sqlite", "psycopg": "postgres", "psycopg2": "postgres",
    "asyncpg": "postgres", "pymysql": "mysql", "MySQLdb": "mysql", "mysql": "mysql", "pymongo": "mongodb",
    "motor": "mongodb", "redis": "redis", "sqlalchemy": "orm", "sqlmodel": "orm", "peewee": "orm", "tortoise": "orm",
}  # fmt: skip
"""Modules that keep data, and what they are."""

_MAY_STORE = re.compile(r"\b(?:execute|executemany|executescript|fetch|fetchrow|fetchval|read_sql)\b")
_HOLDERS: tuple[type[ast.AST], ...] = (ast.stmt, ast.excepthandler, ast.match_case)
"""What can hold an import or a function; expressions cannot."""
_LEAVES = frozenset({ast.Name, ast.Constant, ast.Load, ast.Store, ast.Del, ast.alias, type(None), str})
_SQL_METHODS = frozenset({"execute", "executemany", "executescript", "fetch", "fetchrow", "fetchval", "read_sql"})


def read_facts(path: str, text: str) -> SourceFacts:
    """Return the facts of one file; one that this Python cannot parse has a note and its head comment."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the unit's escapes are not ours to complain of
            tree = ast.parse(text, filename=path)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        return SourceFacts(
            head=_head(text),
            notes=(f"line {line}: not Python that this version reads: {getattr(error, 'msg', error)}",),
        )
    reader = _Reader()
    reader.read(tree, calls=_MAY_STORE.search(text) is not None)
    docstring = ast.get_docstring(tree)
    return SourceFacts(
        head=None if docstring else _head(text),
        docstring=docstring,
        exports=tuple(_exports(tree)),
        definitions=tuple(name for name, _ in _names(tree.body) if name.startswith("_")),
        imports=tuple(sorted(reader.imports, key=lambda one: one.line)),
        storage=tuple(sorted(set(reader.storage), key=lambda use: (use.line, use.kind, use.detail))),
        test_cases=reader.test_cases,
        entry_point="script" if _runs_as_main(tree) or text.startswith("#!") else None,
    )


class _Reader:
    """Imports, statements of SQL and tests, wherever in the file they stand."""

    def __init__(self) -> None:
        self.imports: list[ImportFact] = []
        self.storage: list[StorageUse] = []
        self.test_cases = 0
        self._constants: dict[str, str] = {}

    def read(self, tree: ast.Module, *, calls: bool) -> None:
        for node in tree.body:
            if isinstance(node, ast.Assign) and (text := _text(node.value)) is not None:
                self._constants |= {target.id: text for target in node.targets if isinstance(target, ast.Name)}
        for inner in _inside(tree, (ast.AST,) if calls else _HOLDERS):
            if isinstance(inner, ast.Import):
                self.imports += [ImportFact(alias.name, inner.lineno) for alias in inner.names]
            elif isinstance(inner, ast.ImportFrom):
                name = "." * inner.level + (inner.module or "")
                self.imports.append(ImportFact(name, inner.lineno, tuple(alias.name for alias in inner.names)))
            elif isinstance(inner, ast.Call):
                self._call(inner)
            elif isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                self.test_cases += inner.name.startswith("test")

    def _call(self, call: ast.Call) -> None:
        function = call.func
        method = function.attr if isinstance(function, ast.Attribute) else ""
        if method not in _SQL_METHODS or not call.args:
            return
        first = call.args[0]
        if isinstance(first, ast.Call) and first.args:  # text("SELECT …")
            first = first.args[0]
        text = self._constants.get(first.id) if isinstance(first, ast.Name) else _text(first)
        if text is not None and is_statement(text):
            self.storage.append(StorageUse("sql", call.lineno, told(text)))


def _inside(tree: ast.Module, looked_at: tuple[type[ast.AST], ...]) -> Iterator[ast.AST]:
    """Yield the nodes of a tree that are looked at, outer ones first; `ast.walk` looks at every name and constant."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        for field in node._fields:
            value = getattr(node, field, None)
            if type(value) is list:
                pending += [one for one in value if type(one) not in _LEAVES and isinstance(one, looked_at)]
            elif type(value) not in _LEAVES and isinstance(value, looked_at):
                pending.append(value)


def _text(node: ast.expr) -> str | None:
    """Return the text of a string; parts of an f-string that are computed stand as {…}."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{…}" for part in node.values)  # type: ignore[misc]  # constants of an f-string are text
    return None


def _exports(tree: ast.Module) -> Iterator[Export]:
    """Yield the public names: those of `__all__` if it is written out, else what is defined without an underscore."""
    named = list(_names(tree.body))
    listed = next((names for node in tree.body if (names := _all(node)) is not None), None)
    if listed is not None:
        comments = dict(named)
        yield from (Export(name, comments.get(name)) for name in listed)
        return
    yield from (Export(name, comment) for name, comment in named if not name.startswith("_"))


def _all(node: ast.stmt) -> list[str] | None:
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.List | ast.Tuple):
        return None
    if not any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets):
        return None
    return [one.value for one in node.value.elts if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def _names(body: list[ast.stmt]) -> Iterator[tuple[str, str | None]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, ast.get_docstring(node)
        elif isinstance(node, ast.Assign):
            yield from ((target.id, None) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, None


def _runs_as_main(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and isinstance(node.test.left, ast.Name)
        and node.test.left.id == "__name__"
        for node in tree.body
    )


def _head(text: str) -> str | None:
    """Return the comment block at the file's head."""
    block: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#!"):
            continue
        if stripped.startswith("#"):
            block.append(stripped)
        elif not stripped and (found := head_text(["\n".join(block)])):
            return found
        elif not stripped:
            block = []
        else:
            break
    return head_text(["\n".join(block)]) if block else None
