"""Python snippets of descriptions made into scripts that run: prompts, indentation, imports, ``await``. Pure.

Only what people leave out when they write an issue is mended, and each repair is said.
"""

import ast
import builtins
import re
import sys
import textwrap
from dataclasses import dataclass

from repo_agent_dagster.pathways.recreation.reading.blocks import parses_as_python, session_inputs
from repo_agent_dagster.pathways.recreation.survey import Survey

_USUAL_NAMES = {"np": "numpy", "pd": "pandas", "plt": "matplotlib.pyplot", "dt": "datetime", "tf": "tensorflow"}
_TYPING = frozenset({"Any", "Callable", "Dict", "Iterable", "Iterator", "List", "Optional", "Tuple", "Union"})
_FROM_USUAL = {
    **dict.fromkeys(_TYPING, "typing"),
    **{"Decimal": "decimal", "Fraction": "fractions", "Path": "pathlib", "dataclass": "dataclasses", "Enum": "enum"},
    **{"defaultdict": "collections", "OrderedDict": "collections", "timedelta": "datetime", "StringIO": "io"},
}
_AT_MODULE_LEVEL = frozenset({"__name__", "__file__", "__doc__", "__builtins__", "__spec__"})
_MAX_IMPORTS = 12


@dataclass(frozen=True)
class Snippet:
    """A script, and what was changed to make it one."""

    text: str
    repairs: tuple[str, ...] = ()


def mended_python(text: str) -> Snippet:
    """Return the snippet as Python parses it; what cannot be mended is left as it is, to fail by itself."""
    repairs: list[str] = []
    text = _parsing(text, repairs)
    if parses_as_python(text):
        text = _without_main_guard(text, ast.parse(text), repairs)
    return Snippet(text, tuple(repairs))


def runnable_python(snippet: Snippet, survey: Survey) -> Snippet:
    """Return a mended snippet as a script: with the imports that it lacks, and in a function if it awaits."""
    text, repairs = snippet.text, list(snippet.repairs)
    if not parses_as_python(text):
        return snippet
    tree = ast.parse(text)
    imports = _missing_imports(tree, survey)
    if imports:
        # After `from __future__`, which has to come first.
        head = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
        lines = text.splitlines()
        at = max((node.end_lineno or 0 for node in head), default=0)
        text = "\n".join([*lines[:at], *imports, *lines[at:]])
        repairs.append(f"added {'; '.join(imports)}")
        tree = ast.parse(text)
    if _awaits(tree):
        text = f"import asyncio\n\n\nasync def main():\n{indented(text)}\n\n\nasyncio.run(main())"
        repairs.append("put into an async function, for it awaits at the top level")
    return Snippet(text, tuple(repairs))


def indented(text: str, by: str = "    ") -> str:
    """Return Python source with its lines indented, those inside of multi-line strings left as they are."""
    inside: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant | ast.JoinedStr) and isinstance(getattr(node, "value", ""), str | bytes):
            inside.update(range(node.lineno + 1, (node.end_lineno or node.lineno) + 1))
    lines = text.split("\n")
    return "\n".join(
        line if number in inside or not line.strip() else f"{by}{line}" for number, line in enumerate(lines, 1)
    )


def python_test(script: str, name: str, head: str = "") -> str:
    """Return a script as a test function; what has to stand at the top of a module stays there.

    Raises:
        SyntaxError, ValueError: the script does not parse.
    """
    tree = ast.parse(script)
    lines = script.split("\n")
    top: list[str] = []
    for node in reversed(tree.body):
        is_star = isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
        if is_star or (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            top.insert(0, "\n".join(lines[node.lineno - 1 : node.end_lineno]))
            del lines[node.lineno - 1 : node.end_lineno]
    body = "\n".join(lines).strip("\n")
    parts = [f'"""{head}"""\n' if head else "", *(f"{line}\n" for line in top)]
    return "\n".join(part for part in parts if part) + f"\n\ndef test_{name}():\n{indented(body or 'pass')}\n"


def missing_names(tree: ast.Module) -> list[str]:
    """Return the names that are used and bound nowhere in the module, in the order of their use."""
    bound = set(dir(builtins)) | _AT_MODULE_LEVEL
    used: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                used.setdefault(node.id)
            else:
                bound.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            if node.name == "*":
                return []  # it may bring any name
            bound.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            bound.add(node.rest)
    return [name for name in used if name not in bound]


def _parsing(text: str, repairs: list[str]) -> str:
    """Return the text as Python parses it, by the first repair that does it."""
    if re.search(r"^\s*(?:>>> ?|In \[\d+\]: )", text, re.MULTILINE):
        inputs = [typed for typed, _ in session_inputs(textwrap.dedent(text))]
        repairs.append("took the inputs out of a session")
        text = "\n".join(inputs)
    if parses_as_python(text):
        return text
    before = re.split(r"^\s*(?:Traceback \(most recent|\w+Error: |#?\s*={5,})", text, maxsplit=1, flags=re.MULTILINE)[0]
    tries = (
        ("removed indentation", textwrap.dedent(text)),
        ("left out the error shown below the code", textwrap.dedent(before)),
        ("left out lines of dots", re.sub(r"^(\s*)\.\.\..*$", r"\1pass", textwrap.dedent(before), flags=re.MULTILINE)),
    )
    for said, tried in tries:
        if tried.strip() and parses_as_python(tried):
            repairs.append(said)
            return tried.rstrip()
    return text


def _without_main_guard(text: str, tree: ast.Module, repairs: list[str]) -> str:
    """Run what stands under ``if __name__ == "__main__"``: in a test the name is another."""
    for node in tree.body:
        if isinstance(node, ast.If) and not node.orelse and re.match(r"if __name__ ==", ast.unparse(node)):
            lines = text.splitlines()
            body = lines[node.body[0].lineno - 1 : node.end_lineno]
            if node.body[0].lineno == node.lineno:
                continue
            bare = "\n".join([*lines[: node.lineno - 1], textwrap.dedent("\n".join(body)), *lines[node.end_lineno :]])
            if parses_as_python(bare):
                repairs.append("took the code out of `if __name__ == ...`")
                return bare
    return text


def _missing_imports(tree: ast.Module, survey: Survey) -> list[str]:
    found: list[str] = []
    for name in missing_names(tree)[:_MAX_IMPORTS]:
        modules = survey.modules_with(name)
        if name in survey.packages:
            found.append(f"import {name}")
        elif modules:
            found.append(f"from {modules[0]} import {name}")
        elif name in _USUAL_NAMES:
            found.append(f"import {_USUAL_NAMES[name]} as {name}")
        elif name in _FROM_USUAL:
            found.append(f"from {_FROM_USUAL[name]} import {name}")
        elif name in sys.stdlib_module_names:
            found.append(f"import {name}")
    return found


def _awaits(tree: ast.Module) -> bool:
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)
    return False
