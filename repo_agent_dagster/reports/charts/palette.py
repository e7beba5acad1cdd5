"""The colours of charts: names in the specs, the page's own colours in a page, fixed ones in a picture."""

import json
from collections.abc import Mapping
from typing import Any

SERIES = tuple(f"var(--c{number})" for number in range(1, 9))
"""The colours of groups that mean neither good nor bad."""

INK = "var(--ink)"
SOFT = "var(--soft)"
LINE = "var(--line)"
CARD = "var(--card)"
ACCENT = "var(--accent)"
OK = "var(--ok)"
FAILED = "var(--failed)"
UNCHECKED = "var(--unchecked)"
OTHER = "var(--c8)"

_PICTURE = {
    # Middle tones: a picture does not know whether it lies on a light or on a dark page.
    INK: "#7a8696",
    SOFT: "#7a8696",
    LINE: "#7a869655",
    CARD: "transparent",
    ACCENT: "#4d7fe6",
    OK: "#2da06a",
    FAILED: "#e0575a",
    UNCHECKED: "#98a3b1",
    **dict(
        zip(
            SERIES,
            ("#4d7fe6", "#2ba6a0", "#8e7be0", "#d99a2b", "#5fa8d8", "#c0699f", "#7fa650", "#98a3b1"),
            strict=True,
        )
    ),
}


def in_picture(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a spec, without data, whose colours are fixed: pictures have no style sheet."""
    text = json.dumps(spec)
    for name, colour in _PICTURE.items():
        text = text.replace(name, colour)
    fixed: dict[str, Any] = json.loads(text)
    return fixed
