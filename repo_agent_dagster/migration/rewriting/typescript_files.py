"""Which file a path in TypeScript or JavaScript means, and how another may be written like it. No disk, no parser."""

import posixpath
from collections.abc import Container, Iterator
from typing import NamedTuple

_IMPLIED = (".ts", ".tsx", ".d.ts", ".js", ".jsx")
"""Endings that an import may leave out, in the order in which TypeScript's bundler resolution tries them."""
_ALSO_IMPLIED = (".json", ".mts", ".cts", ".mjs", ".cjs")
"""Endings that only some loaders add (Node's require, some bundlers); tried after all that TypeScript tries."""
_WRITTEN_FOR = {
    ".js": (".ts", ".tsx", ".d.ts", ".jsx"),
    ".jsx": (".tsx",),
    ".mjs": (".mts", ".d.mts"),
    ".cjs": (".cts", ".d.cts"),
}
"""``./x.js`` may mean the TypeScript file that becomes ``x.js`` when it is compiled."""
_ALL_ENDINGS = (".d.ts", ".d.mts", ".d.cts", *_IMPLIED, *_ALSO_IMPLIED)
_COMPILED = tuple(_WRITTEN_FOR)


class Hit(NamedTuple):
    """A file that a specifier means; `stem` + `ending` is its path, and `written` is what stands for the ending."""

    path: str
    stem: str
    ending: str
    written: str


def find_file(base: str, files: Container[str], *, folder_only: bool = False, typed: bool = True) -> Hit | None:
    """Return the file that a path means among the files; `base` is the path from their root, in its plain form.

    `folder_only` asks for an index file alone, `typed` says that TypeScript reads the path: where x.ts and x.js both
    stand, ./x.js means x.ts there, and itself in JavaScript.
    """
    if not folder_only:
        compiled = base.endswith(_COMPILED)
        if compiled and typed and (hit := _compiled_from(base, files)) is not None:
            return hit
        if base in files:
            return Hit(base, base, "", "")
        if compiled and not typed and (hit := _compiled_from(base, files)) is not None:
            return hit
    folder = "" if base == "." else f"{base}/"
    for endings in (_IMPLIED, _ALSO_IMPLIED):
        if not folder_only:
            for ending in endings:
                if (path := base + ending) in files:
                    return Hit(path, base, ending, "")
        for ending in endings:
            if (path := f"{folder}index{ending}") in files:
                return Hit(path, base, f"/index{ending}", "")
    return None


def _compiled_from(base: str, files: Container[str]) -> Hit | None:
    stem, written = posixpath.splitext(base)
    for ending in _WRITTEN_FOR[written]:
        if (path := stem + ending) in files:
            return Hit(path, stem, ending, written)
    return None


def written_like(hit: Hit, target: str) -> str:
    """Return how a target's path is written in the way in which another file's was: ending, index file, ``.js``."""
    if hit.ending == "":
        return target
    if f"/{target}".endswith(hit.ending):
        return f"/{target}"[: -len(hit.ending)][1:] + hit.written
    return without_ending(target) + hit.written


def names_of(target: str) -> Iterator[str]:
    """Yield the ways to name a file of which nothing is known but its path: the shortest first."""
    bare = without_ending(target)
    if posixpath.basename(bare) == "index":
        yield posixpath.dirname(bare)
    yield bare
    yield target


def without_ending(path: str) -> str:
    """Return a path without the ending that an import may leave out."""
    return next((path[: -len(ending)] for ending in _ALL_ENDINGS if path.endswith(ending)), path)


def is_typed(importer: str) -> bool:
    """Return whether a file is TypeScript's, by its name."""
    return importer.lower().endswith((".ts", ".tsx", ".mts", ".cts"))


def place_of(specifier: str, importer: str) -> str:
    """Return the path that a relative specifier means, from the root of its importer; "../x" is outside of it."""
    parts = importer.split("/")[:-1]
    for part in specifier.split("/"):
        if part == "..":
            if parts and parts[-1] != "..":
                parts.pop()
            else:
                parts.append(part)
        elif part and part != ".":
            parts.append(part)
    return "/".join(parts) or "."


def relation(path: str, home: str) -> str:
    """Return the relative specifier of a path as seen from a folder; both from one root, "" or "." being that."""
    to, from_ = _parts(path), _parts(home)
    shared = 0
    for one, other in zip(to, from_, strict=False):
        if one != other:
            break
        shared += 1
    climbs, rest = len(from_) - shared, to[shared:]
    if climbs:
        return "/".join([".."] * climbs + rest)
    return "./" + "/".join(rest) if rest else "."


def _parts(path: str) -> list[str]:
    return path.split("/") if path not in {"", "."} else []
