"""Markdown read by a parser and written anew from what is allowed: whatever is not known here comes out as text."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from repo_agent_dagster.pages import safety
from repo_agent_dagster.pages.markdown_text import inert, line_start

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

_MAX_NESTING = 12
# What GitHub would make a link of by itself: addresses, and the ids of commits.
_ADDRESS = re.compile(
    r"\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.)[^\s<>\"'`\\\[\]{}|]{1,2000}(?<![.,;:!?)*_~])"
    r"|\b(?=[0-9]{0,39}[a-f])(?=[a-f]{0,39}[0-9])[0-9a-f]{7,40}\b",
    re.IGNORECASE,
)
_PLAIN_URL = re.compile(r"https://[A-Za-z0-9.-]+(?::\d+)?(?:/[A-Za-z0-9._~:/?#@!$&*+,=%-]*)?")


@dataclass(frozen=True, slots=True)
class _Text:
    """Words that are not escaped yet. Neighbours are joined before, or ``@`` and ``user`` would meet afterwards."""

    text: str


@dataclass(frozen=True, slots=True)
class _Markup:
    """Markdown of ours."""

    text: str


_Piece = _Text | _Markup


def rewritten(text: str, allowed: Collection[str]) -> str:
    """Return the Markdown with only the elements that `safety.prose` promises."""
    from markdown_it.tree import SyntaxTreeNode

    return _Writer(allowed).blocks(SyntaxTreeNode(_parser().parse(text)))


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    # Without HTML and definitions of references, these are read as text; entities stay what they spell.
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _MAX_NESTING})
    return parser.disable(["html_block", "html_inline", "reference"])


class _Writer:
    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = [place.rstrip("/").lower() for place in allowed]

    def blocks(self, parent: "SyntaxTreeNode") -> str:
        return "\n\n".join(block for child in parent.children if (block := self._block(child)))

    def _block(self, node: "SyntaxTreeNode") -> str:
        if node.type in ("paragraph", "heading"):
            return self._paragraph(node)
        if node.type in ("fence", "code_block"):
            return safety.fenced(node.content, node.info.strip().lower())
        if node.type in ("bullet_list", "ordered_list"):
            return self._list(node)
        if node.type == "blockquote":
            return "\n".join(f"> {line}".rstrip() for line in self.blocks(node).split("\n"))
        return ""

    def _list(self, node: "SyntaxTreeNode") -> str:
        first = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
        items = []
        for offset, item in enumerate(node.children):
            bullet = "- " if first is None else f"{first + offset}. "
            lines = self.blocks(item).split("\n")
            items += [f"{' ' * len(bullet) if number else bullet}{line}".rstrip() for number, line in enumerate(lines)]
        return "\n".join(items)

    def _paragraph(self, node: "SyntaxTreeNode") -> str:
        pieces = [piece for child in node.children for piece in self._inline(child.children)]
        lines = (line.strip() for line in _joined(pieces).split("\n"))
        return "\n".join(line_start(line) for line in lines if line)

    def _inline(self, nodes: Iterable["SyntaxTreeNode"]) -> Iterator[_Piece]:
        for node in nodes:
            if node.type in ("softbreak", "hardbreak"):
                yield _Markup("\n")
            elif node.type == "code_inline":
                yield _Markup(safety.inline_code(node.content))
            elif node.type in ("strong", "em"):
                yield from self._emphasis(node)
            elif node.type == "link":
                yield from self._link(node)
            else:  # of an image, the words that stand for it
                yield from self._words(node.content)

    def _words(self, text: str) -> Iterator[_Piece]:
        end = 0
        for found in _ADDRESS.finditer(text):
            yield _Text(text[end : found.start()])
            yield self._address(found[0])
            end = found.end()
        yield _Text(text[end:])

    def _address(self, address: str) -> _Markup:
        return _Markup(f"<{address}>" if self._is_allowed(address) else safety.inline_code(address))

    def _emphasis(self, node: "SyntaxTreeNode") -> Iterator[_Piece]:
        inner = _joined(self._inline(node.children)).strip()
        marks = "**" if node.type == "strong" else "*"
        if inner:
            yield _Markup(f"{marks}{inner}{marks}")

    def _link(self, node: "SyntaxTreeNode") -> Iterator[_Piece]:
        href = str(node.attrs.get("href", ""))
        said = "".join(_said(node))
        if not self._is_allowed(href):
            yield from self._words(said)
            if href not in (said, f"mailto:{said}"):
                yield _Text(" (")
                yield _Markup(safety.inline_code(href))
                yield _Text(")")
        elif said in (href, ""):
            yield self._address(href)
        else:
            yield _Markup(f"[{inert(_one_line(said))}]({href})")

    def _is_allowed(self, url: str) -> bool:
        if not _PLAIN_URL.fullmatch(url) or "/../" in f"{url}/" or "%2e" in url.lower():
            return False
        parts = urlsplit(url)
        place = f"{parts.netloc}{parts.path}".lower()
        return any(place == one or place.startswith(f"{one}/") for one in self._allowed)


def _said(node: "SyntaxTreeNode") -> Iterator[str]:
    for child in node.children:
        if child.children:
            yield from _said(child)
        else:
            yield " " if child.type in ("softbreak", "hardbreak") else child.content


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _joined(pieces: Iterable[_Piece]) -> str:
    said = words = ""
    for piece in pieces:
        if isinstance(piece, _Text):
            words += piece.text
            continue
        said += inert(words)
        if said.endswith("`") and not words and piece.text.startswith("`"):
            said += "&#8203;"  # two spans of code that touch are read as something else
        said += piece.text
        words = ""
    return said + inert(words)
