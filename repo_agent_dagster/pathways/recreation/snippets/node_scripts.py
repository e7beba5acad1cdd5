"""JavaScript snippets of descriptions made into scripts that run, and what is expected of them put in. Pure.

Read by ast-grep's parsers; nothing is run on the host.
"""

import json
import re
from dataclasses import dataclass

from ast_grep_py import SgNode, SgRoot

from repo_agent_dagster.pathways.recreation.reading.blocks import node_session_inputs
from repo_agent_dagster.pathways.recreation.reading.expectations import Expectation
from repo_agent_dagster.pathways.recreation.survey import Survey

_LITERAL = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?|\"[^\"]*\"|'[^']*'|\[.*\]|\{.*\}|true|false|null|undefined|NaN")
_LONGEST_PRINTED = 2000
_MODULE_KINDS = frozenset({"import_statement", "export_statement"})


@dataclass(frozen=True)
class NodeSnippet:
    """A script, the ending that tells Node.js how to load it, and what was changed to make it one."""

    text: str
    suffix: str
    repairs: tuple[str, ...] = ()


def syntax(text: str, suffix: str = ".js") -> SgNode:
    """Return the root of a script's syntax tree."""
    return SgRoot(text, "typescript" if suffix.endswith("ts") else "javascript").root()


def statements(root: SgNode) -> list[SgNode]:
    """Return the statements of a program or a block, comments left out."""
    return [node for node in root.children() if node.is_named() and node.kind() not in ("comment", "hash_bang_line")]


def span(node: SgNode) -> tuple[int, int]:
    """Return where a node begins and ends, in characters."""
    places = node.range()
    return places.start.index, places.end.index


def runnable_node(text: str, suffix: str, survey: Survey) -> NodeSnippet:
    """Return the snippet as a script; a module where it imports, exports or awaits at the top level."""
    repairs: list[str] = []
    if re.match(r"> ", text):
        text = "\n".join(typed for typed, _ in node_session_inputs(text))
        repairs.append("took the inputs out of a session")
    root = syntax(text, suffix)
    kinds = {str(node.kind()) for node in statements(root)}
    is_module = suffix in (".mjs", ".mts") or bool(kinds & _MODULE_KINDS) or _awaits(root)
    requires = bool(re.search(r"\brequire\(", text))
    lines = []
    if is_module and requires:
        lines.append('import { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);')
        repairs.append("made `require` for a module")
    name = _own_name(survey.node_package)
    if name and re.search(rf"(?<![\w.$]){name}[.(]", text) and not _declares(text, name):
        package = json.dumps(survey.node_package)
        lines.append(f"import * as {name} from {package};" if is_module else f"const {name} = require({package});")
        repairs.append(f"added {lines[-1]}")
    kind = "m" if is_module else "c"
    ending = f".{kind}{'ts' if suffix.endswith('ts') else 'js'}"
    return NodeSnippet("\n".join([*lines, text]), ending, tuple(repairs))


def asserting_node(text: str, suffix: str, expectation: Expectation) -> tuple[str, tuple[str, ...]] | None:
    """Return the script with the expectation as an assertion, and what must stay of it; None where they do not fit."""
    if expectation.kind == "wrong_output":
        return _of_output(text, suffix, expectation.expected)
    root = syntax(text, suffix)
    place = _place(root, expectation.expression)
    if place is None and not expectation.expression:
        return None
    begin, end = span(place) if place is not None else (len(text), len(text))
    expression = _unprinted(place) if place is not None else expectation.expression
    if expectation.kind == "not_raised":
        check = _throws(expression, expectation.expected)
    else:
        check = _equals(expression, expectation.expected)
    script = f"{_needs(suffix)}\n{text[:begin].rstrip()}\n{check}\n{text[end:].lstrip()}"
    return script.rstrip() + "\n", (_needs(suffix), check)


def _needs(suffix: str) -> str:
    if suffix in (".mjs", ".mts"):
        return 'import { AssertionError } from "node:assert";\nimport { inspect, isDeepStrictEqual } from "node:util";'
    return (
        'const { AssertionError } = require("node:assert");\n'
        'const { inspect, isDeepStrictEqual } = require("node:util");'
    )


def _equals(expression: str, expected: str) -> str:
    if _LITERAL.fullmatch(expected):
        wanted = expected
        condition = f"!isDeepStrictEqual(actual, {expected})"
    else:
        wanted = json.dumps(expected)
        condition = f"![String(actual), inspect(actual)].includes({wanted})"
    return (
        f"const actual = {expression};\nif ({condition}) {{\n"
        f"  throw new AssertionError({{ message: `expected ${{inspect({wanted})}}, got ${{inspect(actual)}}` }});\n}}"
    )


def _throws(expression: str, name: str) -> str:
    quoted = json.dumps(name)
    return (
        f"let thrown;\ntry {{\n  {expression};\n}} catch (error) {{\n  thrown = error;\n}}\n"
        f"if (![thrown?.name, thrown?.constructor?.name].includes({quoted})) {{\n"
        f"  throw new AssertionError({{ message: `expected {name} to be raised, got ${{inspect(thrown)}}` }});\n}}"
    )


def _of_output(text: str, suffix: str, expected: str) -> tuple[str, tuple[str, ...]]:
    wanted = json.dumps("\n".join(line.rstrip() for line in expected.strip().splitlines()))
    imports, body = _split_imports(text, suffix)
    before = (
        "const printed = [];\nconst write = process.stdout.write;\n"
        "process.stdout.write = (text) => printed.push(String(text)) > 0;\n"
    )
    after = (
        "process.stdout.write = write;\n"
        'const actual = printed.join("").trim().split("\\n").map((line) => line.trimEnd()).join("\\n");\n'
        f"if (!isDeepStrictEqual(actual, {wanted})) {{\n"
        f"  throw new AssertionError({{ message: `expected ${{inspect({wanted})}}, got ${{inspect(actual)}}` }});\n}}\n"
    )
    return f"{_needs(suffix)}\n{imports}{before}{body}\n{after}", (_needs(suffix), before, after.strip())


def _split_imports(text: str, suffix: str) -> tuple[str, str]:
    found = [span(node) for node in statements(syntax(text, suffix)) if node.kind() == "import_statement"]
    if not found:
        return "", text
    last = found[-1][1]
    return f"{text[:last]}\n", text[last:].lstrip("\n")


def _place(root: SgNode, expression: str) -> SgNode | None:
    wanted = re.sub(r"\s", "", expression)
    found = [node for node in statements(root) if node.kind() == "expression_statement"]
    for node in reversed(found):
        if wanted and re.sub(r"\s", "", _unprinted(node)) == wanted:
            return node
    return found[-1] if found and not expression else None


def _unprinted(node: SgNode) -> str:
    text = node.text().strip().rstrip(";").strip()
    if len(text) > _LONGEST_PRINTED:
        return text
    printed = re.fullmatch(r"console\.log\(((?:[^(),]|\([^()]*\)|,(?=[^()]*\)))*)\)", text)
    return printed[1] if printed else text


def _awaits(root: SgNode) -> bool:
    pending = statements(root)
    while pending:
        node = pending.pop()
        if node.kind() == "await_expression" or (node.kind() == "for_in_statement" and "for await" in node.text()[:12]):
            return True
        if not re.search(r"function|method|class", str(node.kind())):
            pending += [child for child in node.children() if child.is_named()]
    return False


def _own_name(package: str) -> str:
    """Return the name that people give a package in code: ``@acme/left-pad`` is ``leftPad``."""
    words = [word for word in re.split(r"[^A-Za-z0-9$]+", package.rpartition("/")[2]) if word]
    name = "".join([*(words[:1]), *(word[:1].upper() + word[1:] for word in words[1:])])
    return name if re.fullmatch(r"[A-Za-z$][\w$]*", name) else ""


def _declares(text: str, name: str) -> bool:
    return bool(re.search(rf"\b(?:const|let|var|function|class|import)\b[^;=\n]*\b{re.escape(name)}\b", text))
