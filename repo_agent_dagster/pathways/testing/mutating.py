"""Small changes of a program that a test worth keeping notices: one condition, constant, operator or return. Pure.

Python is changed by its syntax tree's places, other languages by their text outside strings and comments.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_SOURCE_BYTES = 200_000

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: ">=",
    ast.LtE: ">",
    ast.Gt: "<=",
    ast.GtE: "<",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "+",
    ast.Div: "*",
    ast.FloorDiv: "*",
    ast.Mod: "*",
}
_SCRIPT_SWAPS = {
    "===": "!==",
    "!==": "===",
    "==": "!=",
    "!=": "==",
    "<=": ">",
    ">=": "<",
    "&&": "||",
    "||": "&&",
    " < ": " >= ",
    " > ": " <= ",
    " + ": " - ",
    " - ": " + ",
    " * ": " + ",
    "true": "false",
    "false": "true",
}
_SCRIPT_TOKEN = re.compile(
    r"(?P<skip>//[^\n]*|/\*.*?\*/|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|`(?:\\.|[^`\\])*`)"
    r"|(?P<swap>===|!==|==|!=|<=|>=|&&|\|\||(?: (?:[<>+*]|-) )|\b(?:true|false)\b)"
    r"|(?P<number>(?<![\w.$])\d+(?![\w.]))"
    r"|(?P<return>\breturn (?=[^;\n]))",
    re.DOTALL,
)


@dataclass(frozen=True)
class Mutant:
    """A changed program: the line that was changed (1-based), what was done there, and the whole new text."""

    line: int
    change: str
    text: str


def mutants(source: str, file: str) -> Iterator[Mutant]:
    """Yield the program with one change each, in the order of its lines; none where it cannot be read."""
    if len(source) > MAX_SOURCE_BYTES:
        return
    yield from _python(source) if file.endswith(".py") else _script(source)


def _python(source: str) -> Iterator[Mutant]:
    try:
        tree = ast.parse(source)
        nodes = sorted(ast.walk(tree), key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    content = source.encode()
    starts = [0]
    for line in content.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in nodes:
        for begin, end, new in _replacements(node, content, starts):
            old = content[begin:end].decode().strip()
            text = (content[:begin] + new.encode() + content[end:]).decode()
            if text != source:
                yield Mutant(content.count(b"\n", 0, begin) + 1, f"{old} → {new.strip()}", text)


def _replacements(node: ast.AST, content: bytes, starts: list[int]) -> Iterator[tuple[int, int, str]]:
    def place(one: ast.expr, *, end: bool = False) -> int:
        line, column = (one.end_lineno, one.end_col_offset) if end else (one.lineno, one.col_offset)
        return starts[(line or 1) - 1] + (column or 0)

    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        between = place(node.left, end=True), place(node.comparators[0])
        gap = content[between[0] : between[1]].decode(errors="replace")
        if not set(gap) & set("()#\\\n"):
            yield (*between, f" {_COMPARISONS[type(node.ops[0])]} ")
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        between = place(node.left, end=True), place(node.right)
        gap = content[between[0] : between[1]].decode(errors="replace")
        if not set(gap) & set("()#\\\n"):
            yield (*between, f" {_OPERATORS[type(node.op)]} ")
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield place(node), place(node, end=True), str(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield place(node), place(node, end=True), repr(node.value + 1)
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield place(node.value), place(node.value, end=True), "None"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _script(source: str) -> Iterator[Mutant]:
    for token in _SCRIPT_TOKEN.finditer(source):
        begin, end = token.span()
        if token["swap"]:
            new = _SCRIPT_SWAPS[token["swap"]]
        elif token["number"]:
            new = str(int(token["number"]) + 1)
        elif token["return"]:
            new = "return undefined && "
        else:
            continue
        text = source[:begin] + new + source[end:]
        yield Mutant(source.count("\n", 0, begin) + 1, f"{token[0].strip()} → {new.strip()}", text)
