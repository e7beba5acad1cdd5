"""One file's change as a git-style unified diff that `git apply` reads: modes, missing last newlines, odd names."""

from collections.abc import Iterator
from difflib import SequenceMatcher

_CONTEXT_LINES = 3
_EXACT_LIMIT = 25_000_000
"""Lines × lines above which frequent lines are no longer matched one by one: still right, only less short."""
_NO_NEWLINE = "\n\\ No newline at end of file\n"
_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    '"': '\\"',
    "\\": "\\\\",
}


def file_diff(
    path: str,
    old: bytes | None,
    new: bytes | None,
    *,
    old_executable: bool = False,
    new_executable: bool = False,
) -> str:
    """Return the diff of one file; None is an absent file, and "" means that nothing differs.

    Files that are not UTF-8 text are named with "Binary files … differ", as git does without --binary.
    """
    if old == new and old_executable == new_executable:
        return ""
    a, b = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    out = [f"diff --git {a} {b}\n"]
    if old is None:
        out.append(f"new file mode {_mode(new_executable)}\n")
    elif new is None:
        out.append(f"deleted file mode {_mode(old_executable)}\n")
    elif old_executable != new_executable:
        out.append(f"old mode {_mode(old_executable)}\nnew mode {_mode(new_executable)}\n")
    if old == new or (not old and not new):
        return "".join(out)
    from_, to = ("/dev/null" if old is None else a), ("/dev/null" if new is None else b)
    old_text, new_text = _text(old), _text(new)
    if old_text is None or new_text is None:
        out.append(f"Binary files {from_} and {to} differ\n")
    else:
        out.append(f"--- {from_}\n+++ {to}\n")
        out += _hunks(_lines(old_text), _lines(new_text)) if old_text and new_text else _one_sided(old_text, new_text)
    return "".join(out)


def _one_sided(old: str, new: str) -> Iterator[str]:
    """Yield the one hunk of a diff of which one side is empty: no lines have to be matched for it."""
    text, mark = (new, "+") if new else (old, "-")
    is_finished = text.endswith("\n")
    count = text.count("\n") + (not is_finished)
    removed, added = (0, count) if new else (count, 0)
    yield f"@@ -{_range(0, removed)} +{_range(0, added)} @@\n"
    yield mark + (text[:-1] if is_finished else text).replace("\n", f"\n{mark}")
    yield "\n" if is_finished else _NO_NEWLINE


def _hunks(old: list[str], new: list[str]) -> Iterator[str]:
    matcher = SequenceMatcher(None, old, new, autojunk=len(old) * len(new) > _EXACT_LIMIT)
    for group in matcher.get_grouped_opcodes(_CONTEXT_LINES):
        yield f"@@ -{_range(group[0][1], group[-1][2])} +{_range(group[0][3], group[-1][4])} @@\n"
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                yield from (_line(" ", line) for line in old[old_start:old_end])
            else:
                yield from (_line("-", line) for line in old[old_start:old_end])
                yield from (_line("+", line) for line in new[new_start:new_end])


def _range(start: int, end: int) -> str:
    length = end - start
    first = start + 1 if length else start
    return str(first) if length == 1 else f"{first},{length}"


def _line(mark: str, line: str) -> str:
    return mark + line if line.endswith("\n") else f"{mark}{line}{_NO_NEWLINE}"


def _lines(text: str) -> list[str]:
    """Split after line feeds only: a form feed or a lone carriage return does not end a line for git."""
    return [line + "\n" for line in text.split("\n")[:-1]] + (
        [text.rpartition("\n")[2]] if text[-1:] != "\n" and text else []
    )


def _text(content: bytes | None) -> str | None:
    if content is None:
        return ""
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _mode(executable: bool) -> str:
    return "100755" if executable else "100644"


def _quoted(path: str) -> str:
    if not any(character in _ESCAPES or ord(character) < 32 for character in path):
        return path
    return '"' + "".join(_ESCAPES.get(c, f"\\{ord(c):03o}" if ord(c) < 32 else c) for c in path) + '"'
