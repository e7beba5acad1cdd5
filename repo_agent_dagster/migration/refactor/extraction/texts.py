"""The SQL text that an expression gives: literals, constants, concatenations, and templates with values in them."""

import re
from dataclasses import dataclass, replace

from repo_agent_dagster.migration.refactor.inference.kinds import Plain
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.sql.tokens import tokens
from repo_agent_dagster.migration.refactor.syntax.edits import Piece
from repo_agent_dagster.migration.refactor.syntax.scopes import Declaration
from repo_agent_dagster.migration.refactor.syntax.tree import Node, arguments, called_member, unwrapped

_MARK = re.compile(r":__value(\d+)__")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f", "v": "\v", "\n": ""}


@dataclass(frozen=True)
class SqlText:
    """A statement's text. Interpolated values stand in it as named parameters; `values` are their expressions.

    `constants` are the declarations whose text went into it: they may be of no more use afterwards.
    """

    sql: str
    values: tuple[tuple[Piece, ...], ...] = ()
    constants: tuple[Declaration, ...] = ()

    def value(self, name: str) -> tuple[Piece, ...] | None:
        """Return the expression of an interpolated value by its parameter's name, or None for another parameter."""
        match = _MARK.fullmatch(f":{name}")
        return None if match is None else self.values[int(match[1])]


@dataclass(frozen=True)
class NoText:
    """Why an expression gives no text that can be known; `node` is what is in the way."""

    node: Node
    reason: str


def sql_text(node: Node, types: Types) -> SqlText | NoText:
    """Return the SQL that an expression gives, or what is in the way."""
    found = _read(node, types, 0, None)
    return found if isinstance(found, NoText) else _unquoted(found, types)


def _read(node: Node, types: Types, depth: int, place: Node | None) -> SqlText | NoText:
    """Read an expression; `place` is where its values must be reached from, None for where the expression stands."""
    node = unwrapped(node)
    if node.kind == "string":
        return SqlText(unescaped(node.text[1:-1]))
    if node.kind == "template_string":
        return _template(node, types, depth, place)
    if node.kind == "identifier" or node.kind == "member_expression":
        return _constant(node, types, depth)
    if node.kind == "binary_expression" and (operator := node.field("operator")) is not None and operator.text == "+":
        return _joined([node.field("left"), node.field("right")], "", types, depth, place, node)
    called = called_member(node)
    if called is not None and called[1] == "join" and called[0].kind == "array":
        given = arguments(node)
        glue = unescaped(given[0].text[1:-1]) if given and given[0].kind == "string" else None
        if glue is not None:
            return _joined(list(called[0].parts), glue, types, depth, place, node)
    if called is not None and called[1] == "trim" and not arguments(node):
        inner = _read(called[0], types, depth, place)
        return inner if isinstance(inner, NoText) else replace(inner, sql=inner.sql.strip())
    return NoText(node, "the SQL is put together when it runs")


def _joined(
    parts: list[Node | None], glue: str, types: Types, depth: int, place: Node | None, whole: Node
) -> SqlText | NoText:
    texts: list[SqlText] = []
    for part in parts:
        if part is None:
            return NoText(whole, "the SQL is put together when it runs")
        found = _read(part, types, depth, place)
        if isinstance(found, NoText):
            if not texts or part.kind in {"string", "template_string"}:
                return found
            found = SqlText(":__value0__", ((part,),))
        texts.append(found)
    joined = texts[0]
    for text in texts[1:]:
        joined = _append(joined, glue, text)
    return joined


def _append(first: SqlText, glue: str, second: SqlText) -> SqlText:
    shift = len(first.values)
    shifted = _MARK.sub(lambda match: f":__value{int(match[1]) + shift}__", second.sql)
    return SqlText(first.sql + glue + shifted, first.values + second.values, first.constants + second.constants)


def _template(node: Node, types: Types, depth: int, place: Node | None) -> SqlText | NoText:
    text = SqlText("")
    position = node.start + 1
    source = node.file.text
    for child in node.children:
        if child.kind != "template_substitution":
            continue
        text = replace(text, sql=text.sql + unescaped(source[position : child.start]))
        position = child.end
        inner = child.parts[0] if child.parts else child
        found = _read(inner, types, depth + 1, place)
        if isinstance(found, NoText) or _is_number(inner, types):
            if place is not None or depth > 0:
                return NoText(inner, "a value is interpolated into SQL that is kept elsewhere")
            found = _number_text(inner, types) or SqlText(":__value0__", ((inner,),))
        text = _append(text, "", found)
    return replace(text, sql=text.sql + unescaped(source[position : node.end - 1]))


def _is_number(node: Node, types: Types) -> bool:
    return isinstance(types.of(node), Plain) and types.of(node) == Plain(frozenset({"number"}))


def _number_text(node: Node, types: Types) -> SqlText | None:
    """Return the text of a constant that is a number, such as ``const LIMIT = 50``."""
    if node.kind == "number":
        return SqlText(node.text)
    declaration = types.project.value(node) if node.kind == "identifier" else None
    value = _const_value(declaration)
    if declaration is not None and value is not None and value.kind == "number":
        return SqlText(value.text.replace("_", ""), (), (declaration,))
    return None


def _constant(node: Node, types: Types, depth: int) -> SqlText | NoText:
    if depth > 8:
        return NoText(node, "the SQL's constants go in a circle")
    if node.kind == "identifier":
        declaration = types.project.value(node)
        value = _const_value(declaration)
        if declaration is None or value is None:
            return NoText(node, f"the SQL is in {node.text}, which is no constant text")
        found = _read(value, types, depth + 1, value)
        return found if isinstance(found, NoText) else replace(found, constants=(declaration, *found.constants))
    owner, name = node.field("object"), node.field("property")
    member = types.member(types.of(owner), name.text) if owner is not None and name is not None else None
    value = member.field("value") if member is not None else None
    fixed = member is not None and (
        member.kind == "pair" or member.child("readonly") is not None or member.child("static") is not None
    )
    if value is None or not fixed:
        return NoText(node, f"the SQL is in {node.text}, which is no constant text")
    return _read(value, types, depth + 1, value)


def _const_value(declaration: Declaration | None) -> Node | None:
    if declaration is None or declaration.kind != "variable" or declaration.path != ():
        return None
    statement = declaration.owner.parent
    if statement is None or not any(child.kind == "const" for child in statement.children):
        return None
    value = declaration.owner.field("value")
    return None if value is None else unwrapped(value)


def unescaped(text: str) -> str:
    """Return what the inside of a JavaScript string or template means."""

    def one(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] in "ux":
            return chr(int(code.strip("ux{}"), 16))
        return _ESCAPES.get(code, code)

    if "\\" not in text:
        return text
    return re.sub(r"\\(u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", one, text, flags=re.DOTALL)


def _unquoted(text: SqlText, types: Types) -> SqlText:
    """Return the text with values that stand in SQL strings taken out of them: ``'%${q}%'`` binds `%${q}%`."""
    if not text.values:
        return text
    values = list(text.values)
    parts: list[str] = []
    for token in tokens(text.sql):
        marks = _MARK.findall(token.text) if token.kind == "string" else []
        if not marks:
            parts.append(token.text)
            continue
        inside = token.text[1:-1].replace("''", "'")
        first = int(marks[0])
        if _MARK.fullmatch(inside):
            (node,) = values[first]
            is_text = isinstance(node, Node) and types.of(node) == Plain(frozenset({"string"}))
            values[first] = (node,) if is_text else ("String(", node, ")")
        else:
            values[first] = tuple(_template_pieces(inside, values))
        parts.append(f":__value{first}__")
    return replace(text, sql="".join(parts), values=tuple(values))


def _template_pieces(inside: str, values: list[tuple[Piece, ...]]) -> list[Piece]:
    pieces: list[Piece] = ["`"]
    position = 0
    for match in _MARK.finditer(inside):
        pieces += [_template_escaped(inside[position : match.start()]), "${", *values[int(match[1])], "}"]
        position = match.end()
    return [*pieces, _template_escaped(inside[position:]), "`"]


def _template_escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("`", "\\`").replace("${", "\\${")


def template_literal(text: str) -> str:
    """Return a text as a TypeScript literal: single quotes on one line, a template over several."""
    if "\n" in text:
        return f"`{_template_escaped(text)}`"
    quoted = text.replace("\\", "\\\\").replace("\r", "\\r")
    if "'" not in quoted:
        return f"'{quoted}'"
    if '"' not in quoted:
        return f'"{quoted}"'
    return f"`{_template_escaped(text)}`"


__all__ = ["NoText", "SqlText", "sql_text", "template_literal", "unescaped"]
