"""Lines of a drafted manifest: values that YAML reads back as they are, and comments that stay comments."""

import re
import textwrap
from collections.abc import Iterable

import yaml

_WIDTH = 116
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:/[A-Za-z0-9_-]+)*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
"""Words that YAML takes for something else than text."""


def quoted(text: str) -> str:
    """Return a text as a YAML scalar on one line: bare where it is plainly a name, else in quotes."""
    if _NAME.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if "\\" in text and text.isprintable():  # regular expressions read best without doubled backslashes
        return "'" + text.replace("'", "''") + "'"
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=float("inf")).strip()


def flow(**pairs: str) -> str:
    """Return a mapping of quoted texts on one line; a key that ends with an underscore is written without it."""
    return "{" + ", ".join(f"{key.rstrip('_')}: {quoted(value)}" for key, value in pairs.items()) + "}"


def listed(texts: Iterable[str]) -> str:
    """Return a list of quoted texts on one line."""
    return f"[{', '.join(quoted(text) for text in texts)}]"


def comment(text: str, indent: int = 0) -> list[str]:
    """Return a text as comment lines, wrapped; what cannot be printed is written as an escape."""
    lines = textwrap.wrap(shown(text), _WIDTH - indent, break_long_words=False, break_on_hyphens=False)
    return [f"{' ' * indent}# {line}" for line in lines]


def commented(line: str, indent: int = 0) -> str:
    """Return a line of YAML that is switched off; taking the mark away switches it on."""
    return f"{' ' * indent}# {line}"


def shown(text: str) -> str:
    """Return a text on one line, with what cannot be printed written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
