"""The code blocks of a bug's description: what each one is, and what was typed in a session. Pure."""

import ast
import re
from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["python", "python_session", "node", "node_session", "shell", "shell_session", "traceback", "output"]

_PYTHON = {"python", "py", "python3", "py3", "ipython"}
_SESSIONS = {"pycon", "doctest", "python-console", "pycon3"}
_NODE = {
    **dict.fromkeys(("js", "javascript", "node"), ".js"),
    **dict.fromkeys(("ts", "typescript"), ".ts"),
    **{"cjs": ".cjs", "mjs": ".mjs"},
}
_SHELL = {"bash", "sh", "shell", "zsh", "console", "shell-session", "terminal", "cmd"}
_OUTPUT = {"traceback", "pytb", "py3tb", "text", "txt", "output", "plain", "log", "plaintext", "none"}
_KNOWN_TOOLS = re.compile(
    r"^(?:\$ )?(?:python3?|pytest|pip3?|uv|node|npm|npx|pnpm|yarn|tox|nox|make|go|cargo|git|cd|export|bash|sh|\./\S+) ?"
)
_JS_SIGNS = re.compile(
    r"\brequire\(|=>|\b(?:const|let|var) [\w{[]|console\.log\(|^import .* from ['\"]|;\s*$", re.MULTILINE
)
_PROMPT = r"^\s*(?:\([\w.-]+\) ?)?(?:[\w.@~:/-]*[$%]|PS>) "
_FILE = r"(?P<name>[\w./-]+\.(?:py|js|mjs|cjs|ts|json|txt|toml|ini|cfg|csv|ya?ml))"
_NAMED = re.compile(rf"^(?:#|//)\s*(?:file(?:name)?:\s*)?{_FILE}\s*$")
_LABEL_NAME = re.compile(rf"`?{_FILE}`?\s*:?\s*$")
_LABEL_LENGTH = 120
_EXPECTED = re.compile(r"\bexpect(?:ed|s|ing)?\b|\bshould\b|\bdesired\b", re.IGNORECASE)
_ACTUAL = re.compile(
    r"\bactual(?:ly)?\b|\binstead\b|\bobserved\b|\bcurrent(?:ly)?\b|\bwhat happen(?:s|ed)\b|\b(?:got|gives|gave)\b"
    r"|\boutput\b|\bprint(?:s|ed)?\b|\breturn(?:s|ed)\b|\bresult\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class CodeBlock:
    """A code block of a description, with its number from 1.

    `label` is the words before it, `file` the file that it is said to be, `suffix` what scripts of its kind end in.
    """

    number: int
    kind: BlockKind
    text: str
    label: str = ""
    file: str = ""
    suffix: str = ".py"

    @property
    def is_expected(self) -> bool:
        """Whether the words before it say that this should come."""
        return bool(_EXPECTED.search(self.label)) and not re.search(r"\bactual", self.label, re.IGNORECASE)

    @property
    def is_actual(self) -> bool:
        """Whether the words before it say that this came."""
        return bool(_ACTUAL.search(self.label)) and not self.is_expected


def session_inputs(text: str) -> list[tuple[str, str]]:
    """Return what was typed in a Python session (doctest, IPython) and what each input printed."""
    found: list[tuple[list[str], list[str]]] = []
    for line in text.splitlines():
        typed = re.match(r"^\s*(?:>>> ?|In \[\d+\]: ?)(.*)$", line)
        goes_on = re.match(r"^\s*(?:\.\.\.(?: (.*)|())$|\s*\.{3,}: ?(.*)$)", line)
        if typed:
            found.append(([typed[1]], []))
        elif goes_on and found and not found[-1][1]:
            found[-1][0].append(next((part for part in goes_on.groups() if part is not None), ""))
        elif found:
            found[-1][1].append(re.sub(r"^\s*Out\[\d+\]: ?", "", line))
    return [("\n".join(typed).rstrip(), "\n".join(printed).strip("\n")) for typed, printed in found]


def node_session_inputs(text: str) -> list[tuple[str, str]]:
    """Return what was typed at Node.js's prompt and what each input printed."""
    found: list[tuple[list[str], list[str]]] = []
    for line in text.splitlines():
        if line.startswith("> "):
            found.append(([line[2:]], []))
        elif re.match(r"\.{3,} ?", line) and found and not found[-1][1]:
            found[-1][0].append(re.sub(r"^\.{3,} ?", "", line))
        elif found:
            found[-1][1].append(line)
    return [("\n".join(typed), "\n".join(printed).strip("\n")) for typed, printed in found]


def shell_commands(block: CodeBlock) -> list[str]:
    """Return the commands of a shell block, lines that go on joined, comments and output left out."""
    prompted = block.kind == "shell_session"
    commands: list[str] = []
    goes_on = False
    for line in block.text.splitlines():
        typed = re.match(r"^\s*(?:\([\w.-]+\) ?)?(?:[\w.@~:/-]*[$%]|PS>) (.*)$", line)
        if goes_on:
            commands[-1] += "\n" + re.sub(r"^> ?", "", line)
        elif typed and prompted:
            commands.append(typed[1].strip())
        elif not prompted and line.strip() and not line.lstrip().startswith("#"):
            commands.append(line.strip())
        else:
            continue
        goes_on = commands[-1].endswith("\\")
    return commands


def code_block(number: int, info: str, content: str, label: str) -> CodeBlock:
    """Return a block by its fence's words, its text, and the words before it."""
    words = info.strip().split()
    language = words[0].strip("{}.").lower() if words else ""
    text = content.rstrip("\n")
    kind = _kind(language, text)
    suffix = _NODE.get(language, ".js") if kind in ("node", "node_session") else ".py"
    return CodeBlock(number, kind, text, label, _file_name(text, info, label), suffix)


def _kind(language: str, text: str) -> BlockKind:
    if language in _SESSIONS or re.search(r"^\s*(?:>>> |In \[\d+\]: )", text, re.MULTILINE):
        return "python_session"
    if re.search(r"^\s*(?:\([\w.-]+\) ?)?(?:[\w.@~:/-]*\$|PS>) \S", text, re.MULTILINE) and language not in (
        *_PYTHON, *_NODE,
    ):  # fmt: skip
        return "shell_session"
    shows_error = bool(re.search(r"Traceback \(most recent|^\s*at \S+ \(|^E {3}", text, re.MULTILINE))
    if language in _PYTHON:
        return "traceback" if shows_error and not parses_as_python(text) else "python"
    if language in _NODE:
        if re.match(r"> ", text):
            return "node_session"
        return "traceback" if shows_error else "node"
    if language in _SHELL:
        return "traceback" if shows_error else "shell"
    if shows_error:
        return "traceback"
    return "output" if language in _OUTPUT else _guessed(text)


def _guessed(text: str) -> BlockKind:
    if re.match(r"> ", text) and _JS_SIGNS.search(text):
        return "node_session"
    if all(_KNOWN_TOOLS.match(line) for line in text.splitlines() if line.strip()):
        return "shell"
    if re.search(r"\bimport\b|\bdef \w|\w\(", text) and parses_as_python(text):
        return "python"
    return "node" if _JS_SIGNS.search(text) else "output"


def parses_as_python(text: str) -> bool:
    """Whether the text is a Python program, as the Python that runs us reads it."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _file_name(text: str, info: str, label: str) -> str:
    """Return the file that a block is said to be: by its fence, its first line, or the words before it."""
    for found in (
        re.search(r"(?:title|file(?:name)?)=[\"']?([\w./-]+\.\w+)", info),
        _NAMED.match(text.split("\n", 1)[0]),
        _LABEL_NAME.search(label.split("\n")[-1]) if len(label.split("\n")[-1]) < 120 else None,
    ):
        if found:
            name = str(found[1])
            return "" if name.startswith("/") or ".." in name.split("/") else name.removeprefix("./")
    return ""
