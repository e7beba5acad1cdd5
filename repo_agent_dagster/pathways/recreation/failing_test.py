"""The reproduction as a test file: it fails while the error is there, and passes when it is not. Pure."""

import json
import re
from dataclasses import dataclass

from repo_agent_dagster.contracts.recreation import ErrorSignature
from repo_agent_dagster.pathways.recreation.candidates import Candidate
from repo_agent_dagster.pathways.recreation.running import HANG_SECONDS
from repo_agent_dagster.pathways.recreation.snippets.node_scripts import span, statements, syntax
from repo_agent_dagster.pathways.recreation.snippets.python_scripts import python_test
from repo_agent_dagster.pathways.recreation.survey import Survey

_NAME_LENGTH = 48
COMMAND_SECONDS = 120


@dataclass(frozen=True)
class ReproTest:
    """A test file: where it belongs, from the folder that is worked on, its text, and what a runner takes to run it.

    `is_kept` says that the repository has the test already.
    """

    path: str
    text: str
    target: str
    is_kept: bool = False


def reproduction_tests(
    candidate: Candidate,
    signature: ErrorSignature,
    seen: str,
    title: str,
    survey: Survey,
    *,
    patience_seconds: float = HANG_SECONDS,
) -> list[ReproTest]:
    """Return the forms that the test may have, the nicest first; which of them works is found by running them.

    `patience_seconds` is how long a test waits for what hangs.
    """
    if candidate.kind == "test" and not candidate.suffix:
        return [ReproTest(candidate.text.partition("::")[0], "", candidate.text, is_kept=True)]
    name = _name(title, seen)
    head = f"Fails while this happens: {_plain(seen)}.{f' Reproduction of: {_plain(title)}.' if title else ''}"
    if candidate.kind == "node" or (candidate.kind == "test" and candidate.suffix != ".py"):
        path = f"repro-{name.replace('_', '-')}.test{candidate.suffix}"
        texts = _node_texts(candidate, signature, name, head, patience_seconds)
    elif candidate.kind == "shell" and not survey.modules and survey.node_package:
        path, texts = f"repro-{name.replace('_', '-')}.test.mjs", [_node_command(candidate.text, signature, name, head)]
    else:
        path = f"{_python_folder(survey)}test_repro_{name}.py"
        texts = _python_texts(candidate, signature, name, head, patience_seconds)
    return [ReproTest(path, text, path) for text in texts]


def _python_texts(candidate: Candidate, signature: ErrorSignature, name: str, head: str, patience: float) -> list[str]:
    if candidate.kind == "test":
        text = candidate.text.strip()
        space = "\n\n\n" if re.match(r"(?:async )?def |class |@", text) else "\n\n"
        return [f'"""{head}"""{space}{text}\n']
    if candidate.kind == "shell":
        return [_python_command(candidate.text, signature, name, head)]
    apart = _python_apart(candidate.text, name, head, patience)
    if signature.symptom in ("crash", "hang"):
        return [apart]
    try:
        return [python_test(candidate.text, name, head), apart]
    except (SyntaxError, ValueError):
        return [apart]


def _python_apart(script: str, name: str, head: str, patience: float) -> str:
    """Return a test that runs the script in a process of its own: what ends the interpreter cannot end the runner."""
    return (
        f'"""{head}"""\n\nimport subprocess\nimport sys\n\nSCRIPT = {_quoted(script)}\n\n\ndef test_{name}():\n'
        f'    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout='
        f"{patience:.0f})\n"
        "    assert done.returncode == 0, done.stderr\n"
    )


def _python_command(command: str, signature: ErrorSignature, name: str, head: str) -> str:
    return (
        f'"""{head}"""\n\nimport subprocess\n\nCOMMAND = {_quoted(command)}\n\n\ndef test_{name}():\n'
        '    done = subprocess.run(["bash", "-c", COMMAND], capture_output=True, text=True, timeout='
        f"{COMMAND_SECONDS})\n"
        "    print(done.stdout, done.stderr)\n"
        + (
            f"    assert {json.dumps(signature.expected)} in done.stdout\n"
            if signature.symptom in ("wrong_value", "wrong_output") and signature.expected
            else f"    assert {_sign(signature)!r} not in done.stdout + done.stderr\n"
            if _sign(signature)
            else "    assert done.returncode == 0\n"
        )
    )


def _node_texts(candidate: Candidate, signature: ErrorSignature, name: str, head: str, patience: float) -> list[str]:
    if candidate.kind == "test":
        return [f"// {head}\n{candidate.text.strip()}\n"]
    words = json.dumps(name.replace("_", " "))
    is_module = candidate.suffix in (".mjs", ".mts")
    use = 'import test from "node:test";' if is_module else 'const test = require("node:test");'
    imports, body = _imports_apart(candidate.text, candidate.suffix)
    inner = _tabbed(body, candidate.suffix)
    inline = f"// {head}\n{use}\n{imports}\ntest({words}, async () => {{\n{inner}\n}});\n"
    apart = _node_apart(candidate.text, is_module, words, head, use, patience)
    return [apart] if signature.symptom in ("crash", "hang") else [inline, apart]


def _node_apart(script: str, is_module: bool, words: str, head: str, use: str, patience: float) -> str:
    spawn = (
        'import assert from "node:assert";\nimport { spawnSync } from "node:child_process";'
        if is_module
        else 'const assert = require("node:assert");\nconst { spawnSync } = require("node:child_process");'
    )
    kind = "module" if is_module else "commonjs"
    return (
        f"// {head}\n{use}\n{spawn}\n\nconst script = {json.dumps(script)};\n\ntest({words}, () => {{\n"
        f'  const options = {{ encoding: "utf8", timeout: {patience * 1000:.0f}, killSignal: "SIGKILL" }};\n'
        f'  const done = spawnSync(process.execPath, ["--input-type={kind}", "-e", script], options);\n'
        "  assert.ifError(done.error);\n  assert.strictEqual(done.status, 0, done.stderr);\n});\n"
    )


def _node_command(command: str, signature: ErrorSignature, name: str, head: str) -> str:
    sign = _sign(signature)
    check = (
        f"assert.ok(done.stdout.includes({json.dumps(signature.expected)}), done.stdout);"
        if signature.symptom in ("wrong_value", "wrong_output") and signature.expected
        else f"assert.ok(!(done.stdout + done.stderr).includes({json.dumps(sign)}), done.stdout + done.stderr);"
        if sign
        else "assert.strictEqual(done.status, 0, done.stderr);"
    )
    return (
        f'// {head}\nimport test from "node:test";\nimport assert from "node:assert";\n'
        f'import {{ spawnSync }} from "node:child_process";\n\ntest({json.dumps(name.replace("_", " "))}, () => {{\n'
        f'  const done = spawnSync("bash", ["-c", {json.dumps(command)}], {{ encoding: "utf8" }});\n  {check}\n}});\n'
    )


def _imports_apart(text: str, suffix: str) -> tuple[str, str]:
    """Return the import statements, which have to stand at the top, and the rest."""
    found = [node for node in statements(syntax(text, suffix)) if node.kind() == "import_statement"]
    imports = "".join(f"{node.text()}\n" for node in found)
    for start, end in sorted((span(node) for node in found), reverse=True):
        text = text[:start] + text[end:].lstrip(" \t\n")
    return imports, text.strip("\n")


def _tabbed(text: str, suffix: str) -> str:
    """Indent a script's lines but those inside of template strings."""
    inside: set[int] = set()
    pending = list(syntax(text, suffix).children())
    while pending:
        node = pending.pop()
        if node.kind() in ("template_string", "comment"):
            places = node.range()
            inside.update(range(places.start.line + 1, places.end.line + 1))
        else:
            pending += node.children()
    return "\n".join(
        line if number in inside or not line.strip() else f"  {line}" for number, line in enumerate(text.split("\n"))
    )


def _sign(signature: ErrorSignature) -> str:
    """Return the words by which the error is known in a program's output."""
    return signature.message if signature.message and not signature.exception else signature.exception


def _python_folder(survey: Survey) -> str:
    for folder in ("tests", "test"):
        if any(name.startswith(f"{folder}/") and name.endswith(".py") for name in survey.files):
            return f"{folder}/"
    return ""


def _name(title: str, seen: str) -> str:
    words = re.findall(r"[a-z0-9]+", title.lower()) or re.findall(r"[a-z0-9]+", seen.lower())
    name = ""
    for word in words:
        if len(name) + len(word) >= _NAME_LENGTH:
            break
        name = f"{name}_{word}".strip("_")
    return name or "error"


def _plain(text: str) -> str:
    """Return text that can stand in a docstring and in a comment: one line, no quotes of strings, no backslash."""
    line = " ".join(text.split())[:160]
    return line.replace("\\", "/").replace('"', "'").rstrip(".")


def _quoted(text: str) -> str:
    """Return a Python literal of a text, by lines, for people to read."""
    lines = text.rstrip("\n").split("\n")
    if len(lines) == 1:
        return repr(lines[0])
    return "\n".join(["(", *(f"    {line + chr(10)!r}" for line in lines), ")"])
