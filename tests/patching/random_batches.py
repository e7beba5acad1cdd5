"""Random trees, and random batches on them: what the engine is sent, beside what the reference is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.patching.reference import (
    AFTER,
    APPENDED,
    BEFORE,
    PREPENDED,
    REPLACED,
    Action,
    Created,
    Deleted,
    File,
    Lines,
    MadeExecutable,
    Moved,
    Refused,
    Replaced,
    Tree,
    applied,
    parents,
)

PATHS = ("a", "b.txt", "d/c", "d/e", "d/f/g", "n ew", "ä")
STRANGE_PATHS = ("a/below", "d", "d/f", "missing")

texts = st.text(alphabet="abä \t{", max_size=4)
blocks = st.lists(texts, min_size=1, max_size=3)
breaks = st.sampled_from([b"\n", b"\n", b"\r\n"])
contents = st.builds(
    lambda mark, lines, last: mark + b"".join(text.encode() + end for text, end in lines) + last,
    st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf", b"#!/bin/sh\n", b"#!x\n# coding: utf-8\n"]),
    st.lists(st.tuples(texts, breaks), max_size=8),
    st.sampled_from([b"", b"", b"", b"", b"open", b"open", b"cr\r", b"\xe9\n"]),
)
files = st.builds(
    File,
    contents | contents | contents | st.sampled_from([b"a\0b", b"", b"one\ntwo\n"]),
    st.sampled_from([0o644, 0o644, 0o755, 0o600, 0o640]),
)


@dataclass(frozen=True)
class Operation:
    """An operation as the engine is sent it, and its steps as the reference knows them: one for each patch."""

    sent: dict[str, Any]
    steps: tuple[tuple[Action, ...], ...]


@dataclass(frozen=True)
class Batch:
    operations: tuple[Operation, ...]
    coordinates: str

    @property
    def sent(self) -> dict[str, Any]:
        """The batch's fields."""
        return {"patches": [one.sent for one in self.operations], "coordinates": self.coordinates}

    @property
    def steps(self) -> list[tuple[Action, ...]]:
        """The steps of all operations, one for each patch."""
        return [step for one in self.operations for step in one.steps]


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """A tree of a few small files."""
    return {path: draw(files) for path in sorted(draw(st.sets(st.sampled_from(PATHS), min_size=1)))}


@st.composite
def batches(draw: st.DrawFn, tree: Tree, *, valid: bool = False, coordinates: str | None = None) -> Batch:
    """A batch on a tree: mostly one that can be applied; now and then, unless it shall be valid, one that cannot."""
    coordinates = coordinates or draw(st.sampled_from(["original", "original", "sequential"]))
    operations: list[Operation] = []
    present = tree
    for _ in range(draw(st.integers(1, 6))):
        seen = present if coordinates == "sequential" else tree
        strange = not valid and draw(st.integers(0, 30)) == 30
        path = draw(st.sampled_from(STRANGE_PATHS if strange else sorted(seen) or ["missing"]))
        kind = draw(st.sampled_from([*["lines"] * 4, *["text"] * 3, *["diff"] * 2, "create", "delete", "move", "move"]))
        operation = draw(_OF_KIND[kind](seen, path, seen.get(path, File(b"")).content))
        try:
            present = applied(
                tree, [*(step for one in operations for step in one.steps), *operation.steps], coordinates
            )
        except Refused:
            if valid or draw(st.integers(0, 15)) < 15:
                continue
            return Batch((*operations, operation), coordinates)
        operations.append(operation)
    if not operations:
        path = next(one for one in (*PATHS, *(f"z{number}" for number in range(99))) if _is_free(tree, one))
        operations = [_one({"op": "create-file", "file": path, "content": "a"}, Created(path, "a"))]
    return Batch(tuple(operations), coordinates)


def line_texts(content: bytes) -> list[str]:
    """Return the lines without mark and terminators; what is no UTF-8 is replaced."""
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") if number < text.count("\n") else line for number, line in enumerate(lines)]


@st.composite
def _line_operation(draw: st.DrawFn, _tree: Tree, path: str, content: bytes) -> Operation:
    count = max(len(line_texts(content)), 1) + (draw(st.integers(0, 30)) == 0)
    kind = draw(
        st.sampled_from(["replace-block", "replace-block", "insert-before", "insert-after", "append", "prepend"])
    )
    block = draw(blocks)
    text = "\n".join(block) + draw(st.sampled_from(["", "\n"]))
    if not text or (text.endswith("\n") and block[-1] == ""):
        text += "\n"
    new = tuple(text.removesuffix("\n").split("\n"))
    sent: dict[str, Any] = {"op": kind, "file": path, "block": text}
    if kind == "replace-block":
        start = draw(st.integers(1, count))
        end = draw(st.integers(start, min(count, start + 2)))
        if draw(st.integers(0, 3)) == 0:
            sent["block"], new = "", ()
        return _one({**sent, "start": start, "end": end}, Lines(path, start - 1, end, new, REPLACED))
    if kind == "append":
        return _one(sent, Lines(path, None, None, new, APPENDED))
    if kind == "prepend":
        strict = draw(st.booleans())
        return _one({**sent, "strict": strict}, Lines(path, 0 if strict else -1, None, new, PREPENDED))
    line = draw(st.integers(1, count))
    start, rank = (line - 1, BEFORE) if kind == "insert-before" else (line, AFTER)
    return _one({**sent, "line": line}, Lines(path, start, None, new, rank))


@st.composite
def _text_operation(draw: st.DrawFn, _tree: Tree, path: str, content: bytes) -> Operation:
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "ignore").replace("\r\n", "\n") or "a"
    begin = draw(st.integers(0, len(text) - 1))
    old = text[begin : begin + draw(st.integers(1, 6))]
    new = draw(st.lists(texts, min_size=1, max_size=2).map("\n".join)) + draw(st.sampled_from(["", "", "\n"]))
    count = max(text.count(old), 1) if draw(st.integers(0, 15)) else draw(st.integers(1, 3))
    if draw(st.booleans()):
        old, new = old.replace("\n", "\r\n"), new.replace("\n", "\r\n")
    sent = {"op": "replace-text", "file": path, "old": old, "new": new, "count": count}
    return _one(sent, Replaced(path, old, new, count))


@st.composite
def _creation(draw: st.DrawFn, tree: Tree, path: str, _content: bytes) -> Operation:
    free = [one for one in PATHS if one not in tree]
    to = draw(st.sampled_from(free)) if free and draw(st.integers(0, 7)) else path
    content = "\n".join(draw(blocks)) + draw(st.sampled_from(["", "\n"]))
    executable = draw(st.booleans())
    sent = {"op": "create-file", "file": to, "content": content, "executable": executable}
    return _one(sent, Created(to, content, executable))


def _deletion(_tree: Tree, path: str, _content: bytes) -> st.SearchStrategy[Operation]:
    return st.just(_one({"op": "delete-file", "file": path}, Deleted(path)))


@st.composite
def _move(draw: st.DrawFn, tree: Tree, path: str, _content: bytes) -> Operation:
    to = draw(_free(tree, path))
    return _one({"op": "move-file", "file": path, "to": to}, Moved(path, to))


def _is_free(tree: Tree, path: str) -> bool:
    return (
        path not in tree
        and not any(one in tree for one in parents(path))
        and all(path not in parents(one) for one in tree)
    )


def _free(tree: Tree, path: str) -> st.SearchStrategy[str]:
    """Mostly a path without a file, never the path itself."""
    free = [one for one in PATHS if one not in tree] * 5
    return st.sampled_from([*free, *(one for one in PATHS if one != path)])


@st.composite
def _diff(draw: st.DrawFn, tree: Tree, path: str, content: bytes) -> Operation:
    """A git diff of one to three files: edited, moved, made executable, created or deleted."""
    sections: list[str] = []
    steps: list[tuple[Action, ...]] = []
    editable = [one for one in sorted(tree) if _is_plain(tree[one].content) and one != path]
    more = draw(st.lists(st.sampled_from(editable), unique=True, max_size=2)) if editable else []
    for one in [path, *more]:
        section, step = draw(_section(tree, one, tree.get(one, File(b"a\n")).content))
        sections.append(section)
        steps.append(step)
    return Operation({"op": "apply-diff", "diff": "".join(sections)}, tuple(steps))


def _is_plain(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in content and bool(content)


@st.composite
def _section(draw: st.DrawFn, tree: Tree, path: str, content: bytes) -> tuple[str, tuple[Action, ...]]:
    lines = line_texts(content)
    kind = draw(st.sampled_from(["edit", "edit", "edit", "move", "move and edit", "mode", "delete", "create"]))
    if not _is_plain(content) or not lines or any(line.endswith("\r") for line in lines):
        kind = "move"  # a diff's line that ends with CR could mean a line of content or a terminator
    is_open = not content.endswith(b"\n")
    if kind == "create":
        to = draw(_free(tree, path))
        made = draw(blocks.filter(any))
        executable = draw(st.booleans())
        mode = "100755" if executable else "100644"
        body = "".join(f"+{line}\n" for line in made)
        section = f"diff --git a/{to} b/{to}\nnew file mode {mode}\n--- /dev/null\n+++ b/{to}\t\n"
        section += f"@@ -0,0 +1,{len(made)} @@\n{body}"
        return section, (Created(to, "".join(f"{line}\n" for line in made), executable),)
    if kind == "delete":
        if content.startswith(b"\xef\xbb\xbf") or b"\r" in content:
            kind = "move"
        else:
            body = _body("-", lines, is_open)
            section = f"diff --git a/{path} b/{path}\ndeleted file mode 100644\n--- a/{path}\t\n+++ /dev/null\n"
            return section + f"@@ -1,{len(lines)} +0,0 @@\n{body}", (Deleted(path),)
    if kind == "mode":
        executable = draw(st.booleans())
        old, new = ("100644", "100755") if executable else ("100755", "100644")
        section = f"diff --git a/{path} b/{path}\nold mode {old}\nnew mode {new}\n"
        return section, (MadeExecutable(path, executable),)
    to = draw(_free(tree, path)) if kind.startswith("move") else path
    section = f"diff --git a/{path} b/{to}\n"
    step: tuple[Action, ...] = ()
    if to != path:
        section += f"rename from {path}\nrename to {to}\n"
        step = (Moved(path, to),)
    if "edit" in kind:
        hunk, change = draw(_hunk(path, lines, is_open=is_open))
        section += f"--- a/{path}\t\n+++ b/{to}\t\n{hunk}"
        step = (change, *step)
    return section, step


@st.composite
def _hunk(draw: st.DrawFn, path: str, lines: Sequence[str], *, is_open: bool) -> tuple[str, Lines]:
    """One hunk: some lines become others, none of which is one of those; context as far as `shown`."""
    start = draw(st.integers(0, len(lines) - 1))
    end = draw(st.integers(start, min(start + 2, len(lines) - (1 if is_open else 0))))
    new = [f"new {line}" for line in draw(blocks if start < end else blocks.filter(bool))]
    if start < end and end < len(lines) and draw(st.booleans()):
        new = []
    shown = draw(st.integers(0, 3)) if end < len(lines) else 3
    first, last = max(start - shown, 0), min(end + shown, len(lines))
    if last < end + shown or end == len(lines):
        first, last = max(start - 3, 0), len(lines)
    body = _body(" ", lines[first:start], False) + _body("-", lines[start:end], False)
    body += _body("+", new, False) + _body(" ", lines[end:last], is_open and last == len(lines))
    old_count, new_count = last - first, last - first - (end - start) + len(new)
    old_start, new_start = (first + (1 if count else 0) for count in (old_count, new_count))
    header = f"@@ -{old_start},{old_count} +{new_start},{new_count} @@\n"
    return header + body, Lines(path, start, end, tuple(new), REPLACED if start < end else AFTER)


def _body(mark: str, lines: Sequence[str], is_open: bool) -> str:
    body = "".join(f"{mark}{line}\n" for line in lines)
    return body + ("\\ No newline at end of file\n" if is_open and lines else "")


def _one(sent: dict[str, Any], action: Action) -> Operation:
    return Operation(sent, ((action,),))


_OF_KIND: dict[str, Any] = {
    "lines": _line_operation,
    "text": _text_operation,
    "diff": _diff,
    "create": _creation,
    "delete": _deletion,
    "move": _move,
}
