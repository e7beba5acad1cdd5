"""Globs over relative paths: `*` and `?` stay within a name, `**` crosses folders, `[ab]` and `{a,b}` choose."""

import re
from functools import cache

_WILD = re.compile(r"[*?\[{]")


@cache
def compile_glob(glob: str) -> re.Pattern[str]:
    """Return a pattern whose fullmatch is the glob's; `**/` also matches no folder at all.

    Raises:
        ValueError: the glob has an unclosed brace or an impossible range such as [z-a].
    """
    try:
        return re.compile(_translate(glob.removeprefix("./")), re.DOTALL)
    except re.error as error:
        raise ValueError(f"glob {glob!r} cannot be read: {error}; check its brackets and braces") from error


def matches(glob: str, path: str) -> bool:
    """Return whether a path (relative, forward slashes) matches the glob."""
    return compile_glob(glob).fullmatch(path) is not None


def has_wildcard(glob: str) -> bool:
    """Return whether the glob can match more than one path."""
    return _WILD.search(glob) is not None


def fixed_folder(glob: str) -> str:
    """Return the folders before the glob's first wildcard: "" or ending with a slash."""
    wild = _WILD.search(glob)
    fixed = glob[: wild.start()] if wild else glob
    return fixed[: fixed.rfind("/") + 1].removeprefix("./")


def _translate(glob: str) -> str:
    out, index, depth = [], 0, 0
    while index < len(glob):
        character = glob[index]
        if glob.startswith("**/", index) and (index == 0 or glob[index - 1] == "/"):
            out.append("(?:[^/]+/)*")
            index += 3
            continue
        if glob.startswith("**", index):
            out.append(".*")
            index += 2
            continue
        if character == "[" and (close := glob.find("]", index + 2)) > 0:
            body = glob[index + 1 : close].replace("\\", "\\\\")
            out.append(f"[{'^' + body[1:] if body[0] == '!' else body}]")
            index = close + 1
            continue
        if character == "{":
            out.append("(?:")
            depth += 1
        elif character == "}" and depth:
            out.append(")")
            depth -= 1
        elif character == "," and depth:
            out.append("|")
        else:
            out.append({"*": "[^/]*", "?": "[^/]"}.get(character, re.escape(character)))
        index += 1
    return "".join(out)
