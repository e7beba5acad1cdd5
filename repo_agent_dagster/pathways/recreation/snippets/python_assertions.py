"""What a description expects of a Python snippet, put into it as an assertion that fails while it is not so. Pure."""

import ast
import re
from dataclasses import dataclass

from repo_agent_dagster.pathways.recreation.reading.expectations import Expectation
from repo_agent_dagster.pathways.recreation.snippets.python_scripts import indented


@dataclass(frozen=True)
class Asserting:
    """A script with an assertion of ours, and the parts of it that must stay as they are for it to mean the same."""

    text: str
    keeps: tuple[str, ...]


def asserting_python(text: str, expectation: Expectation) -> Asserting | None:
    """Return the script with the expectation as an assertion, None where the two do not fit together."""
    try:
        tree = ast.parse(text)
        if expectation.kind == "wrong_output":
            return _of_output(text, expectation.expected)
        return _of_statement(text, tree, expectation)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _of_statement(text: str, tree: ast.Module, expectation: Expectation) -> Asserting | None:
    place = _place(tree, expectation.expression)
    if place is None:
        if not _is_expression(expectation.expression):
            return None
        before, after, expression = text, "", expectation.expression
    else:
        lines = text.splitlines()
        before = "\n".join(lines[: place.lineno - 1])
        after = "\n".join(lines[place.end_lineno or place.lineno :])
        expression = _expression(place, expectation.expression)
        if isinstance(place, ast.Assign):
            before = "\n".join(lines[: place.end_lineno])
    if expectation.kind == "not_raised":
        check = _raises(expression, expectation.expected)
    else:
        check = _equals(expression, expectation.expected)
    return Asserting("\n".join(part for part in (before, check, after) if part.strip()), (check,))


def _place(tree: ast.Module, expression: str) -> ast.Expr | ast.Assign | None:
    """Return the statement whose value is meant: the last one with that expression, or else the last expression."""
    wanted = _normal(expression)
    statements = [node for node in tree.body if isinstance(node, ast.Expr | ast.Assign)]
    for node in reversed(statements):
        if isinstance(node, ast.Assign):
            if wanted and any(ast.unparse(target) == wanted for target in node.targets):
                return node
        elif wanted and wanted in (ast.unparse(node.value), ast.unparse(_unprinted(node.value))):
            return node
    if expression:
        return None
    expressions = [
        node for node in statements if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
    ]
    return expressions[-1] if expressions else None


def _expression(place: ast.Expr | ast.Assign, told: str) -> str:
    return told if isinstance(place, ast.Assign) else ast.unparse(_unprinted(place.value))


def _unprinted(value: ast.expr) -> ast.expr:
    """Return what a call of ``print`` prints, where that is one thing."""
    printed = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "print"
    return value.args[0] if isinstance(value, ast.Call) and printed and len(value.args) == 1 else value


def _equals(expression: str, expected: str) -> str:
    if _is_literal(expected):
        condition, wanted = f"actual == {expected}", expected
    elif re.match(r"(?:[a-z_]\w*\.)*[A-Z]\w*\(", expected) and _is_expression(expected):
        # Decimal('1.0'): a value that takes a call; where its name is not at hand, its representation does.
        condition, wanted = f"repr(actual) == {expected!r} or str(actual) == {expected!r}", expected
    else:
        condition, wanted = f"{expected!r} in (str(actual), repr(actual))", expected
    return f"actual = {expression}\nassert {condition}, f{'expected ' + _braced(wanted) + ', got {actual!r}'!r}"


def _raises(expression: str, name: str) -> str:
    return (
        "raised = None\n"
        f"try:\n    {expression}\nexcept Exception as error:\n    raised = error\n"
        f"assert any(kind.__name__ == {name!r} for kind in type(raised).__mro__), "
        f"f{'expected ' + name + ' to be raised, got {raised!r}'!r}"
    )


def _of_output(text: str, expected: str) -> Asserting:
    echoing = _echoing(text)
    if echoing != text and _is_literal(expected) and isinstance(ast.literal_eval(expected), str):
        expected = ast.literal_eval(expected)  # told as a value, compared as it is printed
    before = "import contextlib\nimport io\n\nprinted = io.StringIO()\nwith contextlib.redirect_stdout(printed):\n"
    after = (
        'actual = "\\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines())\n'
        f"expected = {_lines(expected)!r}\n"
        'assert actual == expected, f"expected {expected!r}, got {actual!r}"'
    )
    return Asserting(f"{before}{indented(echoing)}\n{after}", (before, after))


def _echoing(text: str) -> str:
    """Print the value of the last statement, as a session does, where nothing in the script prints."""
    tree = ast.parse(text)
    last = tree.body[-1] if tree.body else None
    prints = any(isinstance(node, ast.Name) and node.id == "print" for node in ast.walk(tree))
    if prints or not isinstance(last, ast.Expr):
        return text
    lines = text.splitlines()
    return "\n".join([*lines[: last.lineno - 1], f"print({ast.unparse(last.value)})"])


def _lines(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}").replace("\n", " ")


def _normal(expression: str) -> str:
    try:
        return ast.unparse(ast.parse(expression, mode="eval"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


def _is_expression(text: str) -> bool:
    return bool(_normal(text))


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return False
    return True
