"""Edits of one file: spans that are replaced by text and by other spans, and text put around nodes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from repo_agent_dagster.migration.refactor.syntax.tree import Node, SourceFile

Piece: TypeAlias = str | Node
"""A text, or a node of the same file, which stands there with the edits made in it."""
Span: TypeAlias = tuple[int, int]


@dataclass
class Edits:
    """The edits of one file. A replaced span swallows every edit in it but those of the nodes that it names."""

    file: SourceFile
    _replaced: dict[Span, tuple[Piece, ...]] = field(default_factory=dict)
    _wraps: dict[tuple[int, int, str, str], None] = field(default_factory=dict)
    _removed: set[Span] = field(default_factory=set)

    def replace(self, start: int, end: int, *pieces: Piece) -> None:
        """Replace a span; what is said last of a span counts."""
        self._replaced[(start, end)] = pieces

    def replace_node(self, node: Node, *pieces: Piece) -> None:
        """Replace a whole node."""
        self.replace(node.start, node.end, *pieces)

    def remove(self, start: int, end: int) -> None:
        """Take a span out, with every edit in it."""
        self._replaced[(start, end)] = ()
        self._removed.add((start, end))

    def unremove(self, span: Span) -> None:
        """Keep a span that was to go away after all."""
        if span in self._removed:
            self._removed.discard(span)
            self._replaced.pop(span, None)

    def remove_statement(self, node: Node) -> None:
        """Take a statement out with its lines, its comments and the blank line that it leaves."""
        self.remove(*statement_span(node))

    def wrap(self, node: Node, before: str, after: str = "") -> None:
        """Put text around a node, once; a wider node's text stands outside."""
        self._wraps[(node.start, node.end, before, after)] = None

    def insert(self, offset: int, text: str) -> None:
        """Put text at an offset."""
        self._wraps[(offset, offset, text, "")] = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self._replaced and not self._wraps

    def covers(self, node: Node) -> bool:
        """Whether a node lies in a span that is replaced or taken out, and is not kept by name."""
        if not any(start <= node.start and node.end <= end for start, end in self._replaced):
            return False
        return not any(
            isinstance(piece, Node) and piece.holds(node) and (piece.start, piece.end) not in self._replaced
            for pieces in self._replaced.values()
            for piece in pieces
        )

    def render(self, start: int, end: int) -> str:
        """Return the text of a span with the edits made in it."""
        spans: list[tuple[Span, tuple[Piece, ...]]] = []
        for span, pieces in sorted(self._replaced.items(), key=lambda one: (one[0][0], -one[0][1])):
            reached = spans[-1][0][1] if spans else start
            if span[0] < start or span[1] > end or span[1] <= reached != start:
                continue
            if span[0] >= reached:
                spans.append((span, pieces))
            elif pieces or spans[-1][1]:
                raise ValueError(f"edits of {self.file.path} overlap at character {span[0]}")
            else:
                # Two neighbours went, each with the blank line between them; what they leave must not end in another.
                first = spans.pop()[0][0]
                closes = self.file.text[span[1] :].lstrip().startswith(("}", "]"))
                blank = _blank_before(self.file.text, first) if closes else None
                spans.append(((first if blank is None else blank, span[1]), pieces))
        events: list[tuple[int, int, int, int, str]] = []
        for (left, right), pieces in spans:
            text = "".join(piece if isinstance(piece, str) else self.render(piece.start, piece.end) for piece in pieces)
            events.append((left, 2, 0, right, text))
        for wrap_start, wrap_end, before, after in self._wraps:
            inside = start <= wrap_start and wrap_end <= end
            if inside and not self._swallowed((wrap_start, wrap_end), [span for span, _ in spans]):
                size = wrap_end - wrap_start
                events.append((wrap_start, 1, -size, wrap_start, before))
                if after:
                    events.append((wrap_end, 0, size, wrap_end, after))
        parts: list[str] = []
        position = start
        for offset, _, _, until, text in sorted(events):
            parts += [self.file.text[position:offset], text]
            position = max(position, until)
        return "".join([*parts, self.file.text[position:end]])

    def _swallowed(self, wrap: Span, spans: Sequence[Span]) -> bool:
        return any(
            span[0] <= wrap[0]
            and wrap[1] <= span[1]
            and (wrap != span or span in self._removed)
            and _inside(wrap, span)
            for span in spans
        )

    def result(self) -> bytes:
        """Return the edited file's bytes."""
        return self.file.source.encode(self.render(0, len(self.file.text)))


def _inside(wrap: Span, span: Span) -> bool:
    """Whether a wrap is in a span; what is put at its very start or end (an insertion) is not."""
    return wrap[0] != wrap[1] or span[0] < wrap[0] < span[1]


def statement_span(node: Node) -> Span:
    """Return the span that goes with a statement: its whole lines where nothing else is on them, with its comments.

    A blank line goes too where the statement stood between two, or was its block's first or last.
    """
    text = node.file.text
    start, end = node.start, node.end
    if text[end : end + 1] in {";", ","}:
        end += 1
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    rest = text[end:line_end].strip()
    if text[line_start:start].strip() or (rest and not rest.startswith("//")):
        while text[end : end + 1] in {" ", "\t"}:
            end += 1
        return start, end
    start = _with_comments(node, line_start)
    end = min(line_end + 1, len(text))
    before_blank = _blank_before(text, start)
    after_blank = _blank_after(text, end)
    opens = text[:start].rstrip().endswith(("{", "[")) or not text[:start].strip()
    closes = text[end:].lstrip().startswith(("}", "]")) or not text[end:].strip()
    if after_blank is not None and (before_blank is not None or opens):
        end = after_blank
    elif before_blank is not None and closes:
        start = before_blank
    return start, end


def _with_comments(node: Node, line_start: int) -> int:
    """Return the start of the comment lines that stand right above a statement."""
    text = node.file.text
    siblings = node.parent.children if node.parent is not None else []
    index = next((position for position, one in enumerate(siblings) if one is node), 0)
    start = line_start
    while index > 0 and siblings[index - 1].kind == "comment":
        comment = siblings[index - 1]
        between = text[comment.end : start]
        comment_line = text.rfind("\n", 0, comment.start) + 1
        if between.strip() or between.count("\n") != 1 or text[comment_line : comment.start].strip():
            break
        start, index = comment_line, index - 1
    return start


def _blank_before(text: str, start: int) -> int | None:
    """Return where the blank line before an offset begins, or None where there is none."""
    previous = text.rfind("\n", 0, max(0, start - 1)) + 1
    return previous if start > 0 and not text[previous:start].strip() else None


def _blank_after(text: str, end: int) -> int | None:
    """Return where the blank line after an offset ends, or None where there is none."""
    following = text.find("\n", end)
    return following + 1 if following >= 0 and not text[end:following].strip() else None
