"""Whether a line goes on with what was logged before it: a frame, a cause, a traceback's last line."""

import re
from collections.abc import Sequence

_GOES_ON = re.compile(
    r"\s+(?:at \S|\.\.\. \d+ more|in \S+ \(|from \S|File \")|\s{2,}\S|\t|Caused by: "
    r"|Suppressed: |\[cause\]: |\.\.\. \d+ more"
    r"|goroutine \d+ |created by |During handling of the above|The above exception was"
    r"|Traceback \(most recent call last\):\s*$"
    r"|\s*[}\]]\s*$|\s*\^+\s*$|note: run with `RUST_BACKTRACE|stack backtrace:|\s*$|at \S+ \(\S+:\d+"
)
_TRACEBACK = "Traceback (most recent call last)"
_CHAINED = ("During handling of the above", "The above exception was")
_LAST_LINE = re.compile(r"[A-Za-z_][\w.]{0,200}(?:: .*|:?\s*$)")


def goes_on(before: Sequence[str], text: str) -> bool:
    """Return whether a row's text goes on with the rows before it, of the same stream."""
    if not before:
        return False
    head = text[:300]
    if head.startswith(_TRACEBACK):
        return any(row.startswith(_CHAINED) for row in before[-2:])
    if _GOES_ON.match(head):
        return True
    # The exception's line of a traceback whose rows were logged one by one: the first that is not indented.
    if "\n" in before[-1].rstrip("\n"):
        return False
    begun = next((i for i in range(len(before) - 1, -1, -1) if before[i].startswith(_TRACEBACK)), None)
    if begun is None:
        return bool(before[-1].startswith("panic: ") and head.startswith(("goroutine", "[signal")))
    frames = before[begun + 1 :]
    return bool(frames) and all(row.startswith((" ", "\t")) for row in frames) and bool(_LAST_LINE.match(head))
