"""A bug's description, read: its blocks, its prose, the versions that it tells. Pure.

Markdown is parsed by markdown-it; sessions that were pasted without a fence are found too.
"""

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt

from repo_agent_dagster.pathways.recreation.reading.blocks import BlockKind, CodeBlock, code_block, parses_as_python

MAX_BLOCKS = 60
_PROSE_SESSION = re.compile(r"^(?: {0,3})>>> ", re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_TITLE_LENGTH = 100
_FORM_HEADING = re.compile(
    r"\W*(?:what|expected|actual|current|steps|to reproduce|how to|repro\w*|description|describe|bug|issue|environment"
    r"|versions?|summary|what happened|minimal|example|code|output|traceback|error|additional|details|system)\b",
    re.IGNORECASE,
)
_CALL = re.compile(r"\w\(.{0,1000}\)")
_CODE_ALONE = re.compile(r"`+([^`\n]+)`+[.:]?")
_VERSION = re.compile(
    r"\b(?P<name>[A-Za-z][\w.-]{1,40})(?:\s+version)?\s*(?:==|[:=]\s*|\s)\s*`?v?(?P<version>\d+\.\d+(?:\.\d+)*[\w.+-]*)"
)
_NO_PRODUCT = re.compile(
    r"line|version|about|than|is|of|to|from|in|and|with|on|since|before|got|be|expected|returns?|least|most|by|at|was|are"
    r"|value"
)


@dataclass(frozen=True)
class Description:
    """A description's parts: blocks in order, prose by paragraph (headings too), code in the prose, the whole text."""

    text: str
    title: str
    blocks: tuple[CodeBlock, ...]
    prose: tuple[str, ...]
    inline_code: tuple[str, ...]

    def of_kind(self, *kinds: BlockKind) -> list[CodeBlock]:
        """Return the blocks of these kinds, in order."""
        return [block for block in self.blocks if block.kind in kinds]


def read_description(markdown: str) -> Description:
    """Read a description; every text is one, whatever it holds."""
    text = _fence_sessions(markdown.replace("\r\n", "\n").replace("\0", ""))
    blocks: list[CodeBlock] = []
    prose: list[str] = []
    inline: list[str] = []
    headings: list[str] = []
    heading, label = "", ""
    opened = ""
    for token in MarkdownIt("commonmark").parse(text):
        if token.type.endswith("_open"):
            opened = token.type
        elif token.type == "inline":
            prose.append(token.content)
            inline += [child.content for child in token.children or [] if child.type == "code_inline"]
            is_bare = opened == "paragraph_open" and _CALL.search(token.content) and parses_as_python(token.content)
            alone = _CODE_ALONE.fullmatch(token.content.strip())
            if len(blocks) >= MAX_BLOCKS:
                label = token.content
            elif alone and heading and opened != "heading_open":
                # Forms ask "What did you expect?", and people answer by a piece of code.
                blocks.append(code_block(len(blocks) + 1, "", alone[1].strip(), heading))
            elif is_bare:
                blocks.append(code_block(len(blocks) + 1, "python", token.content, label or heading))
            elif opened == "heading_open":
                headings.append(token.content)
                heading, label = token.content, ""
            else:
                label = token.content
        elif token.type in ("fence", "code_block") and token.content.strip() and len(blocks) < MAX_BLOCKS:
            words = f"{heading}\n{label}".strip() if label else heading
            blocks.append(code_block(len(blocks) + 1, token.info, token.content, words))
            label = ""
    return Description(text, _title(headings, prose), tuple(blocks), tuple(prose), tuple(inline))


def versions(description: Description) -> dict[str, str]:
    """Return the versions that the prose tells, by name in lower case: python, node, packages."""
    found: dict[str, str] = {}
    outputs = [block.text for block in description.of_kind("output", "shell_session")]
    for match in _VERSION.finditer("\n".join([*description.prose, *outputs])):
        name = match["name"].lower().rstrip(".-")
        if not _NO_PRODUCT.fullmatch(name):
            found.setdefault("node" if name in ("node.js", "nodejs") else name, match["version"].rstrip(".-"))
    return found


def _title(headings: list[str], prose: list[str]) -> str:
    """Return what a description is about in a line; headings that any report has tell nothing."""
    for heading in headings:
        if not _FORM_HEADING.match(heading):
            return heading
    first = prose[0].split("\n")[0] if prose and prose[0] not in headings else ""
    return first if len(first) <= _TITLE_LENGTH and not first.endswith(":") else ""


def _fence_sessions(text: str) -> str:
    """Put a fence around sessions without one: Markdown takes ``>>>`` for quotes in quotes and drops it."""
    lines: list[str] = []
    fence, is_inside = "", False
    for line in text.split("\n"):
        if match := _FENCE.match(line):
            if not fence:
                fence = match[1]
            elif match[1].startswith(fence):
                fence = ""
        begins = not fence and bool(_PROSE_SESSION.match(line))
        if begins and not is_inside:
            lines += ["", "```pycon"]
            is_inside = True
        elif is_inside and not line.strip():
            lines += ["```", ""]
            is_inside = False
        lines.append(line)
    if is_inside:
        lines.append("```")
    return "\n".join(lines)
