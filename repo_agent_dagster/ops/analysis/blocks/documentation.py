"""Builders of documentation: MkDocs and Sphinx, whose warnings are errors where the build is strict."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import Block, shown, trimmed, until
from repo_agent_dagster.ops.analysis.model import Anchor

_MKDOCS = re.compile(r"(?P<level>WARNING|ERROR)\s{1,4}-\s{1,4}(?P<what>\S.*)$")
_MKDOCS_STRICT = re.compile(r"Aborted with \d+ warnings? in .?strict.? mode")
_MKDOCS_FILE = re.compile(r"(?:Doc file |page )?['\"](?P<file>[^'\"]{1,300}\.md)['\"]")
_SPHINX = re.compile(
    r"(?P<file>[^\s:][^:]{0,300}\.\w{1,6})(?::docstring of [\w.]{1,200})?:(?:(?P<line>\d+):)? "
    r"(?P<level>WARNING|ERROR|CRITICAL|SEVERE): (?P<what>\S.*)$"
)
_SPHINX_STRICT = re.compile(r"build finished with problems, .{0,40}\(with warnings treated as errors\)")
_SPHINX_FIRST = re.compile(r"Warning, treated as error:\s*(?P<what>.*)$")
_PLACED = re.compile(r"(?P<file>/?[^\s:][^:]{0,300}\.\w{1,6}):(?:(?P<line>\d+):)?\s?(?P<what>\S.*)$")
_REFUSED = re.compile(
    r"(?P<what>(?:Extension|Configuration|Theme|Application|Sphinx) error(?: \([\w.]{1,100}\))?:)\s*$"
)
_RULE = re.compile(r" \[(?P<rule>[a-z][\w.-]{1,60})\]$")
HINTS = (
    "strict mode",
    "treated as error",
    "Configuration Errors",
    "xtension error",
    "onfiguration error",
    "heme error",
)


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each warning of a strict build, and for each error that ended a build."""
    strict_mkdocs = any(_MKDOCS_STRICT.match(text) for text in texts)
    strict_sphinx = any(_SPHINX_STRICT.match(text) for text in texts)
    index = 0
    while index < len(texts):
        text = texts[index]
        block = None
        if len(text) > 2000:
            pass
        elif text.startswith(("WARNING", "ERROR")) and (match := _MKDOCS.match(text)):
            if strict_mkdocs or match["level"] == "ERROR":
                block = _mkdocs(texts, index, match["what"])
        elif strict_sphinx and (": WARNING: " in text or ": ERROR: " in text) and (match := _SPHINX.match(text)):
            block = _sphinx(texts, index, index + 1, match)
        elif text.startswith("Warning, treated as error") and (match := _SPHINX_FIRST.match(text)):
            below = index + 1 < len(texts) and not match["what"]
            placed = _PLACED.match(texts[index + 1] if below else match["what"])
            end = index + (2 if below else 1)
            if placed:
                block = _sphinx(texts, index, end, placed)
            elif below or match["what"]:
                what = texts[index + 1] if below else match["what"]
                block = Block("sphinx", index, end, trimmed(texts, range(index, end)) or (index,), shown(what))
        elif "rror" in text and (match := _REFUSED.match(text)):
            end = until(texts, index + 1, lambda line: not line.strip() or line.startswith("##"), 8)
            said = " ".join(line.strip() for line in texts[index + 1 : end])
            block = Block("sphinx", index, end, trimmed(texts, range(index, end)), shown(f"{match['what']} {said}"))
        if block:
            yield block
        index = block.end if block else index + 1


def _mkdocs(texts: Sequence[str], index: int, what: str) -> Block:
    end = until(texts, index + 1, lambda line: not line.startswith("    "), 12)
    file = _MKDOCS_FILE.search(what)
    anchors = (Anchor(file["file"]),) if file else ()
    return Block("mkdocs", index, end, trimmed(texts, range(index, end)), shown(what), anchors=anchors)


def _sphinx(texts: Sequence[str], start: int, end: int, match: re.Match[str]) -> Block:
    rule = _RULE.search(match["what"])
    return Block(
        "sphinx", start, end, trimmed(texts, range(start, end)), shown(match["what"]),
        anchors=(Anchor(match["file"], int(match["line"]) if match["line"] else None),),
        rule=rule["rule"] if rule else None,
    )  # fmt: skip
