"""The lines of a diff, read forward; whatever is wrong is told with its line in the diff."""

from repo_agent_dagster.patching.disk.tree import MAX_FILE_BYTES
from repo_agent_dagster.patching.model import InvalidPatch
from repo_agent_dagster.patching.text.lines import split_lines

_SHOWN_BYTES = 80


class DiffLines:
    """A place in a diff: `position` counts its lines from 0, messages count them from 1."""

    def __init__(self, diff: bytes) -> None:
        if len(diff) > MAX_FILE_BYTES:
            raise InvalidPatch(f"the diff has {len(diff)} bytes; send at most {MAX_FILE_BYTES} at once")
        self.lines = split_lines(diff)
        self.position = 0
        self.inflated_bytes = 0
        """What the binary parts read so far hold when they are unpacked."""

    def line(self, ahead: int = 0) -> bytes | None:
        """Return the line at the position (or that many after it) with its terminator; None after the last."""
        index = self.position + ahead
        return self.lines[index] if index < len(self.lines) else None

    def starts_with(self, prefix: bytes, ahead: int = 0) -> bool:
        """Whether there is such a line and it starts so."""
        line = self.line(ahead)
        return line is not None and line.startswith(prefix)

    def take(self) -> bytes:
        """Return the line at the position without its terminator, and go on to the next."""
        line = self.lines[self.position]
        self.position += 1
        return line.rstrip(b"\r\n")

    def begins_file(self, ahead: int = 0) -> bool:
        """Whether a file's ``---`` and ``+++`` and its first hunk begin there: inside a hunk they can be content."""
        return (
            self.starts_with(b"--- ", ahead)
            and self.starts_with(b"+++ ", ahead + 1)
            and self.starts_with(b"@@ -", ahead + 2)
        )

    def refusal(self, what: str, at: int | None = None) -> InvalidPatch:
        """Return the error for what is wrong at a line (counted from 0; the present one if not given)."""
        return InvalidPatch(f"line {(self.position if at is None else at) + 1} of the diff: {what}")

    def unexpected(self, expected: str) -> InvalidPatch:
        """Return the error for another line than the one that must stand at the position."""
        return self.refusal(f"expected {expected}, found {shown(self.line())}")


def shown(line: bytes | None) -> str:
    """Show a line to people, shortened; bytes that are not UTF-8 appear replaced."""
    if line is None:
        return "the end of the diff"
    text = line.rstrip(b"\r\n")
    return repr(text[:_SHOWN_BYTES].decode("utf-8", "replace") + ("…" if len(text) > _SHOWN_BYTES else ""))
