"""Compilers, type checkers and linters that tell each finding in a line of its own, with the file and the line."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repo_agent_dagster.ops.analysis.blocks.block import Block, shown, trimmed
from repo_agent_dagster.ops.analysis.model import Anchor

_PLACE = r"(?P<file>(?:[A-Za-z]:[\\/])?[^\s:()\[\]][^:()\[\]]{0,300}?)"
_AT = _PLACE + r":(?P<line>\d+)(?::(?P<column>\d+))?"


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a tool writes a finding. `continues` matches the lines below that belong to it."""

    tool: str
    hint: str
    pattern: re.Pattern[str]
    continues: re.Pattern[str] | None = None


_INDENTED = re.compile(r"\s{2,}\S")
_EXCERPT = re.compile(r"\s*(?:\d+ )?\s*\||\s+[~^]+|\s*\d+\s{1,4}\S|\s{2,}\S|\s*$")
_MYPY_GOES_ON = re.compile(
    r"\S{1,300}\.pyi?:\d+(?::\d+)?: note: |\s{4,}\S|.{0,120}\s\s\[[\w-]+\]$|(?!\S{1,200}:\d+: |Found |Success).{1,120}$"
)
_JAVAC_GOES_ON = re.compile(r"(?!.*: error: )(?:\s+\S.*|\s*\^+~*\s*|\s*(?:symbol|location|required|found|reason):.*)$")

_SHAPES = (
    _Shape(
        "tsc",
        "error TS",
        re.compile(_PLACE + r"[(](?P<line>\d+),(?P<column>\d+)[)]: error (?P<rule>TS\d+): (?P<what>.*)"),
        _INDENTED,
    ),
    _Shape("tsc", "error TS", re.compile(_AT + r" - error (?P<rule>TS\d+): (?P<what>.*)"), _EXCERPT),
    _Shape("tsc", "error TS", re.compile(r"error (?P<rule>TS\d+): (?P<what>.*)"), _INDENTED),
    _Shape(
        "mypy",
        ": error: ",
        re.compile(
            r"(?P<file>[^\s:]{1,300}\.pyi?):(?P<line>\d+)(?::(?P<column>\d+))?: error: "
            r"(?P<what>.*?)(?:\s\s\[(?P<rule>[\w-]+)\])?$"
        ),
        _MYPY_GOES_ON,
    ),
    _Shape(
        "pyright",
        " - error: ",
        re.compile(r"\s*" + _AT + r" - error: (?P<what>.*?)(?: \((?P<rule>report\w+)\))?$"),
        re.compile(r"\s{4,}\S"),
    ),
    _Shape(
        "pylint",
        ".py:",
        re.compile(r"(?P<file>[^\s:]{1,300}\.py):(?P<line>\d+):(?P<column>\d+): (?P<rule>[EFWCR]\d{4}): (?P<what>.*)"),
    ),
    _Shape(
        "flake8",
        ".py:",
        re.compile(
            r"(?P<file>[^\s:]{1,300}\.pyi?):(?P<line>\d+):(?P<column>\d+): (?P<rule>[A-Z]{1,4}\d{1,4}"
            r"|invalid-syntax|SyntaxError):? (?P<what>.*)"
        ),
    ),
    _Shape(
        "javac",
        ".java:",
        re.compile(r"(?P<file>[^\s:\[]{1,300}\.java):(?P<line>\d+): error: (?P<what>\S.*)"),
        _JAVAC_GOES_ON,
    ),
    _Shape(
        "javac",
        ".java:[",
        re.compile(r"\[ERROR\] (?P<file>[^\s:\[]{1,300}\.java):\[(?P<line>\d+),(?P<column>\d+)\] (?P<what>\S.*)"),
        re.compile(r"(?:\[ERROR\] )?\s+(?:symbol|location|required|found|reason):"),
    ),
    _Shape(
        "kotlinc",
        "e: ",
        re.compile(
            r"e: (?:file://)?(?P<file>[^\s:]{1,300}\.kts?):(?: \()?(?P<line>\d+)[:,] ?(?P<column>\d+)\)?:? (?P<what>.*)"
        ),
    ),
    _Shape(
        "go",
        ".go:",
        re.compile(
            r"(?:\s{0,4}"
            r"|vet: )(?P<file>[^\s:]{1,300}\.go):(?P<line>\d+):(?P<column>\d+): "
            r"(?P<what>.*?)(?: \((?P<rule>[a-z][\w-]{1,30})\))?$"
        ),
        re.compile(r"\t(?!\t)\S|\s+\^"),
    ),
    _Shape(
        "rubocop",
        ".rb:",
        re.compile(
            r"(?P<file>[^\s:]{1,300}\.rb):(?P<line>\d+):(?P<column>\d+): "
            r"[CWEF]: (?:\[\w+\] )?(?P<rule>[A-Z]\w+/\w+): (?P<what>.*)"
        ),
    ),
    _Shape("eslint", "[Error", re.compile(_AT + r": (?P<what>.*) \[Error(?:/(?P<rule>[^\]]+))?\]$")),
    _Shape(
        "dotnet",
        ": error ",
        re.compile(
            r"\s*" + _PLACE + r"[(](?P<line>\d+),(?P<column>\d+)[)]: error (?P<rule>[A-Z]{2,8}\d+): (?P<what>.*)"
        ),
    ),
    _Shape(
        "swiftc",
        ".swift:",
        re.compile(r"(?P<file>[^\s:]{1,300}\.swift):(?P<line>\d+):(?P<column>\d+): error: (?P<what>.*)"),
        re.compile(r"\s+\S"),
    ),
    _Shape(
        "gcc",
        "error: ",
        re.compile(_AT + r": (?:fatal |internal compiler )?error: (?P<what>.*?)(?: \[(?P<rule>-W[\w=-]+)\])?$"),
        re.compile(r"\s*\d* \||\s+[~^]+|compilation terminated"),
    ),
    _Shape(
        "ld",
        "undefined reference",
        re.compile(
            r"(?:\S*/ld: )?(?:\S{1,200}\.o: in function .{1,200}: *)?(?P<file>[^\s:]{1,200}):(?:\(\.\w+\+0x[0-9a-f]+\)"
            r"|(?P<line>\d+)): (?P<what>undefined reference to .*|multiple definition of .*)"
        ),
        re.compile(r"collect2: error"),
    ),
    _Shape("ld", "/ld: ", re.compile(r"\S*/ld: (?P<what>cannot find .*|.{0,300}: (?:undefined|multiple).*)")),
    _Shape(
        "hadolint",
        "DL",
        re.compile(
            r"(?P<file>\S{0,200}Dockerfile\S{0,50}):(?P<line>\d+) (?P<rule>(?:DL"
            r"|SC)\d+) error: (?P<what>.*)"
        ),
    ),
    _Shape(
        "actionlint",
        ".yml:",
        re.compile(r"(?P<file>\S{1,300}\.ya?ml):(?P<line>\d+):(?P<column>\d+): (?P<what>.*?) \[(?P<rule>[a-z-]+)\]$"),
        re.compile(r"\s*\d* ?\|"),
    ),
)
_CARET_LINE = re.compile(r"\s*\^[~^]*\s*$")
_RUFF = re.compile(r"\bruff\b|: invalid-syntax: |: [A-Z]{1,4}\d{3} \[\*\] |^Found \d+ errors?\.$", re.MULTILINE)
_WRAPPED_RULE = re.compile(r"(?:^|\s\s)\[(?P<rule>[a-z][\w-]+)\]$")
_IN_FUNCTION = re.compile(r"\S{0,200}(?:ld: |\.o: ).{0,300}in function .{1,300}:\s*$")
HINTS = tuple(dict.fromkeys(shape.hint for shape in _SHAPES))


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each finding at error level; a linter that has no levels means them all."""
    whole = "\n".join(texts)
    shapes = [shape for shape in _SHAPES if shape.hint in whole]
    ruff = _RUFF.search(whole) is not None
    index = 0
    while index < len(texts):
        text = texts[index]
        found: tuple[_Shape, re.Match[str]] | None = None
        if len(text) <= 2000 and (":" in text or "error" in text):
            for shape in shapes:
                if shape.hint in text and (match := shape.pattern.match(text)):
                    found = shape, match
                    break
        if found is None:
            index += 1
            continue
        shape, match = found
        end = index + 1
        if end + 1 < len(texts) and _CARET_LINE.match(texts[end + 1]):
            end += 2  # the source line, which may begin anywhere, and the caret below it
        while shape.continues and end < min(len(texts), index + 25) and shape.continues.match(texts[end]):
            if any(other.hint in texts[end] and other.pattern.match(texts[end]) for other in shapes):
                break
            end += 1
        if shape.tool == "ld" and index and _IN_FUNCTION.match(texts[index - 1]):
            index -= 1
        yield _finding(texts, index, end, "ruff" if shape.tool == "flake8" and ruff else shape.tool, match)
        index = end


def _finding(texts: Sequence[str], start: int, end: int, tool: str, match: re.Match[str]) -> Block:
    named = match.groupdict()
    file, line, column = named.get("file"), named.get("line"), named.get("column")
    anchors = (Anchor(file, int(line) if line else None, int(column) if column else None),) if file else ()
    rule = named.get("rule")
    if tool == "dotnet" and rule and re.fullmatch(r"(?:C|LNK|D|MSB)\d+", rule):
        tool = "msvc"
    if tool == "go" and rule:
        tool = "golangci-lint"
    what = (named["what"] or "").removeprefix("[*] ")
    if rule is None and tool == "mypy":
        rule = next((wrapped["rule"] for text in texts[start:end] if (wrapped := _WRAPPED_RULE.search(text))), None)
    if rule and rule not in what:
        what = f"{rule}: {what}" if tool in ("tsc", "dotnet", "msvc") else f"{what} [{rule}]"
    picked = trimmed(texts, range(start, end))
    return Block(tool, start, picked[-1] + 1, picked, shown(what), anchors=anchors, rule=rule)
