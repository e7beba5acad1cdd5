"""Make characters visible that change how the text around them is read."""

import re

_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Return the text with each control of the writing direction spelled out, e.g. ``[U+202E]``.

    With one of them a file's name or a line of code can look like another (CVE-2021-42574).
    """
    return _TURNING.sub(lambda found: f"[U+{ord(found.group()):04X}]", text)
