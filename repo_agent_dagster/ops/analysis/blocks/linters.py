"""Linters and formatters that list their findings below the file's name: ESLint, Stylelint, Ruff, Biome, Prettier."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from repo_agent_dagster.ops.analysis.blocks.block import Block, shown, trimmed, until
from repo_agent_dagster.ops.analysis.model import Anchor

_STYLISH = re.compile(
    r"\s+(?P<line>\d+):(?P<column>\d+)\s+(?P<level>error|warning|✖|⚠"
    r"|×)\s+(?P<what>\S.*?)(?:\s{2,}\(?(?P<rule>[@\w/-]+)\)?)?\s*$"
)
_SHELLCHECK = re.compile(r"In (?P<file>\S{1,300}) line (?P<line>\d+):$")
_SHELLCHECK_SAYS = re.compile(r"\s*\^-*\^? (?P<rule>SC\d{4}) \((?P<level>\w+)\): (?P<what>.*)")
_FILE = re.compile(r"(?:\./)?(?P<file>(?:[A-Za-z]:)?[^\s:][^:]{0,300}\.\w{1,10})\s*$")
_TOO_MANY_WARNINGS = re.compile(r"ESLint found too many warnings")
_NEXT = re.compile(
    r"(?P<line>\d+):(?P<column>\d+)\s{1,2}(?P<level>Error|Warning): (?P<what>.*?)(?:\s{2,}(?P<rule>\S+))?$"
)
_RUFF = re.compile(r"(?P<rule>[A-Z]{1,4}\d{3,4}|invalid-syntax|unformatted|SyntaxError)(?: \[\*\])?:? (?P<what>\S.*)$")
_RUFF_PLACE = re.compile(r"\s*-->\s(?P<file>\S.{0,300}?):(?P<line>\d+):(?P<column>\d+)")
_BIOME = re.compile(
    r"(?P<file>\S{1,300}?)(?::(?P<line>\d+):(?P<column>\d+))? (?P<rule>(?:lint|format|assist"
    r"|parse|organizeImports|check|internalError)(?:/[\w/]+)?)\b.*━"
)
_PRETTIER = re.compile(
    r"\[(?:warn|error)\] (?P<what>(?P<file>\S+\.\w+)(?:: \w*Error: .*)?)$|(?:✗ "
    r"|Error: )?(?P<what2>Code style issues? .*found.*)"
)
_EXCERPT = re.compile(r"\[error\] (?:>|\s)\s*\d*\s*\|")
_BLACK = re.compile(
    r"(?P<what>would reformat (?P<file>\S+)|error: cannot format (?P<file2>\S+): .*"
    r"|(?P<file3>\S+\.py) Imports are incorrectly sorted.*"
    r"|ERROR: (?P<file4>\S+) Imports are incorrectly.*)$|Would reformat: (?P<file5>\S+)$"
)
_GOFMT_DIFF = re.compile(r"(?:diff (?:-u )?|--- )(?P<file>\S+\.go)\.orig")
_HOOK = re.compile(r"(?P<name>\S.{0,100}?)\.{3,}Failed$")
_HOOK_RESULT = re.compile(r"\S.{0,100}?\.{3,}(?:\(.{1,40}\))?(?:Passed|Failed|Skipped)$")
HINTS = (
    "Oops! Something",
    " SC",
    " error ",
    " warning ",
    "✖",
    "Error: ",
    "-->",
    " lint/",
    "━━",
    "[warn] ",
    "[error] ",
    "would reformat",
    "Would reformat",
    "cannot format",
    "incorrectly",
    "..Failed",
    ".go.orig",
    " format ",
)


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each rule that a file breaks, and one for each file that is not formatted."""
    strict = any(_TOO_MANY_WARNINGS.search(text) for text in texts)
    prettier = any(
        "Prettier" in text or "prettier" in text or "code style" in text.lower() or "Checking formatting" in text
        for text in texts
    )
    index = 0
    while index < len(texts):
        text = texts[index]
        blocks: list[Block] = []
        if not text or len(text) > 1000:
            pass
        elif text.startswith("Oops! Something went wrong"):
            blocks = [_broken_eslint(texts, index)]
        elif (match := _FILE.match(text)) and index + 1 < len(texts) and _finding(texts[index + 1]):
            end = until(texts, index + 1, lambda line: not _finding(line), 2000)
            blocks = list(_by_rule(texts, index, end, match["file"], strict=strict))
        elif (match := _RUFF.match(text)) and index + 1 < len(texts) and (place := _RUFF_PLACE.match(texts[index + 1])):
            end = until(texts, index + 1, lambda line: not line.strip(), 60)
            blocks = [_located("ruff", texts, index, end, f"{match['what']} [{match['rule']}]", place, match["rule"])]
        elif "━" in text and (match := _BIOME.match(text)):
            end = until(texts, index + 1, lambda line: "━━" in line or line.startswith(("Checked ", "Found ")), 60)
            what = next((line.strip() for line in texts[index + 1 : end] if line.lstrip().startswith(("×", "✖"))), text)
            blocks = [_located("biome", texts, index, end, what.lstrip("×✖ "), match, match["rule"])]
        elif prettier and (match := _PRETTIER.match(text)) and (match["file"] or not _told_before(texts, index)):
            what = match["what"] or match["what2"]
            end = until(texts, index + 1, lambda line: not _EXCERPT.match(line), 20)
            blocks = [_line("prettier", texts, index, what, match["file"], end)]
        elif match := _BLACK.match(text):
            file = next((match[name] for name in ("file", "file2", "file3", "file4", "file5") if match[name]), None)
            tool = "isort" if "incorrectly" in text else "ruff" if text.startswith("Would") else "black"
            blocks = [_line(tool, texts, index, text, file)]
        elif match := _GOFMT_DIFF.match(text):
            end = until(texts, index + 1, lambda line: not line.startswith(("+", "-", "@", " ")), 60)
            blocks = [_located("gofmt", texts, index, end, f"{match['file']} is not formatted", match, None)]
        elif text.startswith("In ") and (match := _SHELLCHECK.match(text)):
            blocks = list(_shellcheck(texts, index, match))
        elif match := _HOOK.match(text):
            end = until(texts, index + 1, lambda line: line.startswith("##") or _HOOK_RESULT.match(line), 40)
            blocks = [replace(_line("pre-commit", texts, index, text, None, end), wraps=True)]
        yield from blocks
        index = max([index + 1, *(block.end for block in blocks)])


def _broken_eslint(texts: Sequence[str], start: int) -> Block:
    """ESLint could not begin: below its version stands why."""
    end = until(texts, start + 1, lambda line: line.startswith(("##", "npm ", "error ", "https://")), 40)
    version = next((i for i in range(start, end) if texts[i].startswith("ESLint: ")), start)
    said = [i for i in range(version + 1, end) if texts[i].strip() and not texts[i].startswith("    at ")]
    headline = texts[said[0]] if said else texts[start]
    return Block("eslint", start, end, trimmed(texts, [start, *said[:5]]), shown(headline))


def _shellcheck(texts: Sequence[str], head: int, match: re.Match[str]) -> Iterator[Block]:
    end = until(texts, head + 2, lambda line: not line.strip(), 20)
    said = next((m for text in texts[head + 1 : end] if len(text) <= 600 and (m := _SHELLCHECK_SAYS.match(text))), None)
    if said:
        yield _located("shellcheck", texts, head, end, f"{said['what']} [{said['rule']}]", match, said["rule"])


def _finding(text: str) -> re.Match[str] | None:
    return _STYLISH.match(text) or _NEXT.match(text)


def _told_before(texts: Sequence[str], index: int) -> bool:
    return any((match := _PRETTIER.match(text)) and match["file"] for text in texts[max(0, index - 200) : index])


def _by_rule(texts: Sequence[str], head: int, end: int, file: str, *, strict: bool) -> Iterator[Block]:
    """Yield a block for each rule; the first one covers all of the file's findings, so that nothing else reads them."""
    rules: dict[str, list[tuple[int, re.Match[str]]]] = {}
    for index in range(head + 1, end):
        match = _finding(texts[index])
        if match and (strict or match["level"].lower() not in ("warning", "⚠")):
            rules.setdefault(match["rule"] or match["what"], []).append((index, match))
    start = head
    for rule, found in rules.items():
        anchors = tuple(Anchor(file, int(m["line"]), int(m["column"])) for _, m in found[:5])
        what = found[0][1]["what"]
        tool = "stylelint" if file.endswith(("css", "scss", "less")) else "eslint"
        yield Block(
            tool,
            start,
            end,
            trimmed(texts, [head, *(index for index, _ in found)]),
            shown(f"{what} [{rule}]" if rule != what else what),
            anchors=anchors,
            rule=rule,
        )


def _located(
    tool: str, texts: Sequence[str], start: int, end: int, what: str, place: re.Match[str], rule: str | None
) -> Block:
    named = place.groupdict()
    line, column = named.get("line"), named.get("column")
    anchor = Anchor(named["file"], int(line) if line else None, int(column) if column else None)
    picked = trimmed(texts, range(start, end))
    return Block(tool, start, end, picked, shown(what), anchors=(anchor,), rule=rule)


def _line(tool: str, texts: Sequence[str], start: int, what: str, file: str | None, end: int | None = None) -> Block:
    end = end or start + 1
    return Block(
        tool, start, end, trimmed(texts, range(start, end)), shown(what), anchors=(Anchor(file),) if file else ()
    )
